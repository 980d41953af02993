// What the kernels share: rows of floats in registers as wide as the machine has them.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#define API extern "C" __attribute__((visibility("default")))

// Of the arguments of all functions; kernels/native.py has the same number.
constexpr int32_t VERSION = 4;

#if defined(__AVX512F__)
constexpr int64_t WIDTH = 16;
#elif defined(__AVX__)
constexpr int64_t WIDTH = 8;
#else
constexpr int64_t WIDTH = 4;
#endif
typedef float Floats __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

inline Floats load(const float* from) { return *reinterpret_cast<const Floats*>(from); }
inline void store(float* to, Floats value) { *reinterpret_cast<Floats*>(to) = value; }

inline float sum(Floats value) {
    float total = 0;
    for (int64_t i = 0; i < WIDTH; i++) total += value[i];
    return total;
}

// The product of two rows; four sums side by side, so that no addition waits for the one before it.
inline float dot(const float* a, const float* b, int64_t d) {
    Floats s0 = {}, s1 = {}, s2 = {}, s3 = {};
    int64_t i = 0;
    for (; i + 4 * WIDTH <= d; i += 4 * WIDTH) {
        s0 += load(a + i) * load(b + i);
        s1 += load(a + i + WIDTH) * load(b + i + WIDTH);
        s2 += load(a + i + 2 * WIDTH) * load(b + i + 2 * WIDTH);
        s3 += load(a + i + 3 * WIDTH) * load(b + i + 3 * WIDTH);
    }
    for (; i + WIDTH <= d; i += WIDTH) s0 += load(a + i) * load(b + i);
    float total = sum((s0 + s1) + (s2 + s3));
    for (; i < d; i++) total += a[i] * b[i];
    return total;
}

// to += factor · row
inline void add(float* to, float factor, const float* row, int64_t d) {
    int64_t i = 0;
    for (; i + WIDTH <= d; i += WIDTH) store(to + i, load(to + i) + factor * load(row + i));
    for (; i < d; i++) to[i] += factor * row[i];
}

// to += factors · rows, four at once, so that `to` is read and written once
inline void add4(float* to, const float* factors, const float* const* rows, int64_t d) {
    const float f0 = factors[0], f1 = factors[1], f2 = factors[2], f3 = factors[3];
    const float *r0 = rows[0], *r1 = rows[1], *r2 = rows[2], *r3 = rows[3];
    int64_t i = 0;
    for (; i + WIDTH <= d; i += WIDTH) {
        Floats value = load(to + i) + f0 * load(r0 + i);
        value += f1 * load(r1 + i);
        value += f2 * load(r2 + i);
        store(to + i, value + f3 * load(r3 + i));
    }
    for (; i < d; i++) to[i] = (((to[i] + f0 * r0[i]) + f1 * r1[i]) + f2 * r2[i]) + f3 * r3[i];
}

// How many rows before its turn a row is asked for.
constexpr int64_t AHEAD = 4;

// Ask for a row that is read soon: rows lie scattered, and no machine foresees them.
inline void fetch(const float* row, int64_t d) {
    for (int64_t i = 0; i < d; i += 16) __builtin_prefetch(row + i, 0, 2);
}
