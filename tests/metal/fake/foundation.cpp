#include <Foundation/Foundation.hpp>

#include "faults.hpp"

namespace {

std::atomic<long> live{0}, made{0};
thread_local std::vector<NS::AutoreleasePool*> pools;

}  // namespace

namespace NS {

Object::Object() {
  ++live;
  ++made;
}

Object::~Object() { --live; }

void Object::release() {
  if (--references_ == 0) delete this;
}

void Object::leave_to_pool() {
  if (pools.empty()) throw fake::Misuse("an object was autoreleased without a pool");
  pools.back()->objects_.push_back(this);
}

AutoreleasePool* AutoreleasePool::init() {
  pools.push_back(this);
  return this;
}

AutoreleasePool::~AutoreleasePool() {
  if (!pools.empty() && pools.back() == this) pools.pop_back();
  for (Object* object : objects_) object->release();
}

String* String::string(const char* text, StringEncoding encoding) {
  if (encoding != UTF8StringEncoding) throw fake::Misuse("the text is UTF-8");
  return (new String(text))->autorelease();
}

}  // namespace NS

namespace fake {

long live_objects() { return live; }
long made_objects() { return made; }

}  // namespace fake
