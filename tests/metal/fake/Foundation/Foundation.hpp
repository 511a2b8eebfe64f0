// What the host files use of metal-cpp's Foundation, on any machine: same names and signatures, and objects are
// counted.
#pragma once

#include <atomic>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace NS {

using Integer = long;
using UInteger = unsigned long;
enum StringEncoding : UInteger { ASCIIStringEncoding = 1, UTF8StringEncoding = 4 };

class Object {
 public:
  Object();
  virtual ~Object();
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  void release();

 protected:
  void hold() { ++references_; }
  void leave_to_pool();  // refused without a pool: on macOS the object would leak

 private:
  std::atomic<long> references_{1};
};

template <class T>
class Referencing : public Object {
 public:
  T* retain() {
    hold();
    return static_cast<T*>(this);
  }
  T* autorelease() {
    leave_to_pool();
    return static_cast<T*>(this);
  }
};

class AutoreleasePool : public Referencing<AutoreleasePool> {
 public:
  static AutoreleasePool* alloc() { return new AutoreleasePool; }
  AutoreleasePool* init();
  ~AutoreleasePool() override;

 private:
  friend class Object;
  std::vector<Object*> objects_;
};

class String : public Referencing<String> {
 public:
  explicit String(std::string text) : text_(std::move(text)) {}
  static String* string(const char* text, StringEncoding encoding);
  const char* utf8String() const { return text_.c_str(); }

 private:
  std::string text_;
};

class Error : public Referencing<Error> {
 public:
  explicit Error(const std::string& text) : text_(new String(text)) {}
  ~Error() override { text_->release(); }
  String* localizedDescription() const { return text_; }

 private:
  String* text_;
};

template <class T>
class SharedPtr {
 public:
  SharedPtr() = default;
  SharedPtr(const SharedPtr& other) : object_(other.object_) {
    if (object_ != nullptr) object_->retain();
  }
  SharedPtr(SharedPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  ~SharedPtr() {
    if (object_ != nullptr) object_->release();
  }
  SharedPtr& operator=(SharedPtr other) noexcept {
    std::swap(object_, other.object_);
    return *this;
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  template <class U>
  friend SharedPtr<U> TransferPtr(U* object);
  T* object_ = nullptr;
};

template <class T>
SharedPtr<T> TransferPtr(T* object) {
  SharedPtr<T> shared;
  shared.object_ = object;
  return shared;
}

template <class T>
SharedPtr<T> RetainPtr(T* object) {
  if (object != nullptr) object->retain();
  return TransferPtr(object);
}

}  // namespace NS
