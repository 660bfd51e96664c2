// SPDX-License-Identifier: Apache-2.0
#include "src/remote/shard.h"

#include <exception>
#include <utility>

#include "narthex/base/log.h"
#include "narthex/base/thread_pool.h"

namespace narthex::remote {

Shard::Shard(std::size_t max_batches, std::unique_ptr<BatchSender> sender,
             std::function<void(const Batch&)> begin,
             std::function<void(const Batch&, const ItemCounts&)> done, std::function<void()> news)
    : max_batches_(max_batches),
      sender_(std::move(sender)),
      begin_(std::move(begin)),
      done_(std::move(done)),
      news_(std::move(news)),
      thread_([this] { Run(); }) {}

Shard::~Shard() {
  Stop();
  thread_.join();
}

bool Shard::HasRoom() const {
  MutexLock lock(mutex_);
  return batches_.size() < max_batches_;
}

void Shard::Push(Batch batch) {
  MutexLock lock(mutex_);
  bytes_ += batch.body.size();
  batches_.push_back(std::move(batch));
  changed_.NotifyAll();
}

bool Shard::idle() const {
  MutexLock lock(mutex_);
  return batches_.empty() && !sending_;
}

std::size_t Shard::held_bytes() const {
  MutexLock lock(mutex_);
  return bytes_;
}

void Shard::Stop() {
  {
    MutexLock lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    changed_.NotifyAll();
  }
  sender_->Stop();
}

bool Shard::Send(Batch& batch) {
  for (;;) {
    try {
      begin_(batch);
      return sender_->Send(batch);
    } catch (const std::exception& e) {
      log::Error("Sending a batch failed, trying again", {{"err", e.what()}});
    }
    if (!sender_->Rest()) return false;
  }
}

void Shard::Run() {
  SetThreadName("rw-shard");
  for (;;) {
    Batch batch;
    {
      MutexLock lock(mutex_);
      while (batches_.empty() && !stopping_) changed_.Wait(mutex_);
      if (stopping_) return;
      batch = std::move(batches_.front());
      batches_.pop_front();
      sending_ = true;
    }
    const std::size_t bytes = batch.body.size();
    const ItemCounts counts = batch.counts;
    if (!Send(batch)) return;
    done_(batch, counts);
    {
      MutexLock lock(mutex_);
      bytes_ -= bytes;
      sending_ = false;
    }
    news_();
  }
}

}  // namespace narthex::remote
