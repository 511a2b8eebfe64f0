// From our description of GPU work to Metal's commands.
#pragma once

#include <Metal/Metal.hpp>
#include <memory>
#include <vector>

#include "gpu.hpp"

namespace portfolio::metal {

// Throws Failure when this pipeline on this GPU cannot take the dispatch, std::logic_error when none could.
void check(const Dispatch& dispatch, const MTL::ComputePipelineState& pipeline, const Limits& limits);

// False when Metal gives no encoder. One pipeline for each dispatch.
bool encode(const std::vector<Dispatch>& work, const std::vector<MTL::ComputePipelineState*>& pipelines,
            MTL::CommandBuffer* commands);

// Every buffer that the work uses: whoever keeps them keeps them out of the pool.
std::vector<std::shared_ptr<MTL::Buffer>> memory_of(const std::vector<Dispatch>& work);

}  // namespace portfolio::metal
