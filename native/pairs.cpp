// Sums over active pairs of position and feature: decoding, their gradients, and the gradients of rows of features.

#include <algorithm>
#include <cmath>
#include <vector>

#include "rows.hpp"

namespace {

// to += Σ factor · row over `count` pairs; the rows are `matrix[names[j]]`
template <class Name, class Factor>
void add_rows(float* to, int64_t count, int64_t d, const float* matrix, Name name, Factor factor) {
    for (int64_t j = 0; j < std::min(AHEAD, count); j++) fetch(matrix + name(j) * d, d);
    int64_t j = 0;
    for (; j + 4 <= count; j += 4) {
        float factors[4];
        const float* rows[4];
        for (int64_t q = 0; q < 4; q++) {
            if (j + AHEAD + q < count) fetch(matrix + name(j + AHEAD + q) * d, d);
            factors[q] = factor(j + q);
            rows[q] = matrix + name(j + q) * d;
        }
        add4(to, factors, rows, d);
    }
    for (; j < count; j++) add(to, factor(j), matrix + name(j) * d, d);
}

}  // namespace

// residual = scale · (b + Σ value · W[feature] - x) of each position, and residual · W[feature] of each pair, while the
// rows are in cache. Pairs of value 0, which a threshold learns from, have a slope and add nothing.
API void monosema_decode(
    const float* x, const float* weights, const float* bias, int64_t n, int64_t d, const int64_t* offsets,
    const int64_t* features, const float* values, float scale, float* residual, float* slopes, int32_t threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> sums(d);
        std::vector<int64_t> active;
#pragma omp for schedule(static)
        for (int64_t row = 0; row < n; row++) {
            const int64_t begin = offsets[row], end = offsets[row + 1];
            float* total = sums.data();
            float* out = residual + row * d;
            active.clear();
            for (int64_t j = begin; j < end; j++) {
                if (values[j] != 0) active.push_back(j);
            }
            for (int64_t i = 0; i < d; i++) total[i] = bias[i] - x[row * d + i];
            add_rows(
                total, active.size(), d, weights, [&](int64_t j) { return features[active[j]]; },
                [&](int64_t j) { return values[active[j]]; });
            for (int64_t i = 0; i < d; i++) out[i] = scale * total[i];
            for (int64_t j = begin; j < end; j++) slopes[j] = dot(out, weights + features[j] * d, d);
        }
    }
}

// The order of pairs by feature, positions ascending in each: starts [d_sae + 1], pair and position at each place.
// Every thread takes a range of features and looks at all pairs, so that nothing depends on which comes first.
API void monosema_by_feature(
    const int64_t* offsets, const int64_t* features, int64_t n, int64_t d_sae, int64_t* starts, int64_t* pairs,
    int64_t* positions, int32_t threads) {
    const int64_t total = offsets[n];
    std::vector<int64_t> next(d_sae + 1);
    const auto range = [&](int64_t part) { return part * d_sae / threads; };
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int32_t part = 0; part < threads; part++) {
        const int64_t low = range(part), high = range(part + 1);
        for (int64_t pair = 0; pair < total; pair++) {
            if (features[pair] >= low && features[pair] < high) next[features[pair]]++;
        }
    }
    starts[0] = 0;
    for (int64_t f = 0; f < d_sae; f++) {
        starts[f + 1] = starts[f] + next[f];
        next[f] = starts[f];
    }
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int32_t part = 0; part < threads; part++) {
        const int64_t low = range(part), high = range(part + 1);
        for (int64_t row = 0; row < n; row++) {
            for (int64_t pair = offsets[row]; pair < offsets[row + 1]; pair++) {
                const int64_t feature = features[pair];
                if (feature < low || feature >= high) continue;
                const int64_t place = next[feature]++;
                pairs[place] = pair;
                positions[place] = row;
            }
        }
    }
}

// Gradients of features `0 .. d_sae`, a row each, added to what stands there where `filled`: encoder Σ z x, decoder
// Σ f r (+ penalty · Σ f · d / ‖d‖), less what lies along unit decoder rows; sums of z and f; and the squared norm of
// each row's gradients. No row is touched by two threads, so that any number of them gives the same bits.
API void monosema_gradients(
    int64_t d_sae, int64_t d, const int64_t* starts, const int64_t* pairs, const int64_t* positions,
    const float* values, const float* slopes, const float* inputs, const float* residual, const float* decoder,
    const float* norms, const float* pulls, int32_t pull, int32_t unit, int32_t filled, float* to_encoder,
    float* to_decoder, float* to_bias, float* mass, double* squares, int32_t threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<int64_t> active;
#pragma omp for schedule(dynamic, 64)
        for (int64_t f = 0; f < d_sae; f++) {
            float *encoder_row = to_encoder + f * d, *decoder_row = to_decoder + f * d;
            const float* direction = decoder + f * d;
            if (!filled) {
                std::fill(encoder_row, encoder_row + d, 0.0f);
                std::fill(decoder_row, decoder_row + d, 0.0f);
            }
            float slope_sum = 0, value_sum = 0;
            active.clear();
            for (int64_t j = starts[f]; j < starts[f + 1]; j++) {
                const float slope = slopes[pairs[j]], value = values[pairs[j]];
                slope_sum += slope;
                value_sum += value;
                if (slope != 0 || value != 0) active.push_back(j);
            }
            const int64_t count = active.size();
            const auto position = [&](int64_t j) { return positions[active[j]]; };
            add_rows(encoder_row, count, d, inputs, position, [&](int64_t j) { return slopes[pairs[active[j]]]; });
            add_rows(decoder_row, count, d, residual, position, [&](int64_t j) { return values[pairs[active[j]]]; });
            to_bias[f] += slope_sum;
            mass[f] += value_sum;
            const float norm = norms[f];
            if (pull) add(decoder_row, pulls[f], direction, d);
            if (unit) {
                const float along = dot(decoder_row, direction, d) / std::max(norm * norm, 1.17549435e-38f);
                add(decoder_row, -along, direction, d);
            }
            squares[f] = static_cast<double>(dot(encoder_row, encoder_row, d)) + dot(decoder_row, decoder_row, d);
        }
    }
}
