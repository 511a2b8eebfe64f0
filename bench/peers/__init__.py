"""The same work through our library and through other packages, side by side: `./run bench peers`."""
