// One pass over the rows of a matrix: clip, Adam in dense semantics, unit norm.

#include <algorithm>
#include <cmath>

#include "rows.hpp"

namespace {

inline Floats root(Floats value) {
    Floats out;
    for (int64_t i = 0; i < WIDTH; i++) out[i] = std::sqrt(value[i]);
    return out;
}

}  // namespace

// Weights, both moments and gradient are [rows, d]; `factor` is what the clip leaves of a gradient, `size` and
// `correction` are lr / (1 - beta1^t) and sqrt(1 - beta2^t).
API void monosema_adam(
    float* weights, float* first, float* second, const float* gradient, int64_t rows, int64_t d, float factor,
    double beta1, double beta2, float eps, float size, float correction, int32_t unit, int32_t threads) {
    // 1 - .999 in fp32 would be wrong by 1e-5, and .999 in fp32 would let squares decay wrongly by as much
    const float rest1 = static_cast<float>(1 - beta1), rest2 = static_cast<float>(1 - beta2);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < rows; row++) {
        float *w = weights + row * d, *m = first + row * d, *v = second + row * d;
        const float* g = gradient + row * d;
        int64_t i = 0;
        for (; i + WIDTH <= d; i += WIDTH) {
            const Floats slope = factor * load(g + i);
            const Floats mean = load(m + i) + rest1 * (slope - load(m + i));
            const Floats square = load(v + i) + rest2 * (slope * slope - load(v + i));
            store(m + i, mean);
            store(v + i, square);
            store(w + i, load(w + i) - size * mean / (root(square) / correction + eps));
        }
        for (; i < d; i++) {
            const float slope = factor * g[i];
            m[i] += rest1 * (slope - m[i]);
            v[i] += rest2 * (slope * slope - v[i]);
            w[i] -= size * m[i] / (std::sqrt(v[i]) / correction + eps);
        }
        if (unit) {
            const float inverse = 1 / std::max(std::sqrt(dot(w, w, d)), 1.17549435e-38f);
            for (int64_t c = 0; c < d; c++) w[c] *= inverse;
        }
    }
}

API int32_t monosema_version() { return VERSION; }
