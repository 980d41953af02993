// Rows rounded to bf16, with the norm of what is left and of what was lost: the certificate's ingredients.

#include <cmath>

#include "rows.hpp"

// `rounded` is [rows, stride] with the first d columns written, to nearest, ties to even; finite numbers only.
API void monosema_round(
    const float* weights, int64_t rows, int64_t d, int64_t stride, uint16_t* rounded, float* norms, float* losses,
    int32_t threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++) {
        const float* from = weights + row * d;
        uint16_t* to = rounded + row * stride;
        float square = 0, loss = 0;
#pragma omp simd reduction(+ : square, loss)
        for (int64_t i = 0; i < d; i++) {
            uint32_t bits;
            std::memcpy(&bits, from + i, 4);
            const uint32_t high = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16, wide = high << 16;
            float value;
            std::memcpy(&value, &wide, 4);
            to[i] = static_cast<uint16_t>(high);
            square += value * value;
            loss += (from[i] - value) * (from[i] - value);
        }
        norms[row] = std::sqrt(square);
        losses[row] = std::sqrt(loss);
    }
}
