// The k largest of each row of scores, exactly; and the shortlist of a bf16 product that is proven to hold them.
//
// 1. Columns are dealt to lanes (column c to lane c mod lanes), and each lane keeps its maximum.
// 2. The k-th largest maximum is a lower bound of the k-th largest score: k lanes hold one that large.
// 3. A second look at the row, which is in cache, collects what reaches the bound; those are ranked.

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <vector>

#include "rows.hpp"

namespace {

constexpr int64_t LANES_EACH = 4;  // of the k: with 4 the bound lies close (37 candidates for k 32)
constexpr float HALF_ULP = 1.0f / 256;  // of bf16: 8 significant bits, rounded to nearest
constexpr float ROUND_UP = 1 + 1.0f / 1024;  // norms are themselves computed in fp32

// Lanes for a row; 0 where there are too few columns for a bound to leave anything out: `monosema_top_k` then looks
// at whole rows, `monosema_shortlist` must not be called (kernels/topk.py: enough_columns).
int64_t lanes_of(int64_t d_sae, int64_t k) {
    const int64_t lanes = (LANES_EACH * k + 31) / 32 * 32;
    return 2 * lanes <= d_sae ? lanes : 0;
}

// Larger keys stand first: by value (NaN above all, -0 equal to 0), then by lower column.
uint64_t key_of(float value, int64_t column) {
    uint32_t bits;
    const float one_zero = value + 0.0f;
    std::memcpy(&bits, &one_zero, 4);
    const uint32_t order = value != value ? 0xffffffffu : bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return static_cast<uint64_t>(order) << 32 | (0xffffffffu - static_cast<uint32_t>(column));
}

int64_t column_of(uint64_t key) { return 0xffffffffu - static_cast<uint32_t>(key); }

// Keep the k largest keys, falling.
void rank(std::vector<uint64_t>& keys, int64_t k) {
    if (static_cast<int64_t>(keys.size()) > k) {
        std::nth_element(keys.begin(), keys.begin() + k, keys.end(), std::greater<uint64_t>());
        keys.resize(k);
    }
    std::sort(keys.begin(), keys.end(), std::greater<uint64_t>());
}

// Which of 16 floats are not below a bound, NaN among them.
uint32_t not_below(const float* y, float bound) {
#if defined(__AVX512F__)
    return _mm512_cmp_ps_mask(_mm512_loadu_ps(y), _mm512_set1_ps(bound), _CMP_NLT_UQ);
#elif defined(__AVX2__)
    const __m256 t = _mm256_set1_ps(bound);
    const uint32_t low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(y), t, _CMP_NLT_UQ));
    const uint32_t high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(y + 8), t, _CMP_NLT_UQ));
    return low | high << 8;
#else
    uint32_t mask = 0;
    for (int j = 0; j < 16; j++) mask |= static_cast<uint32_t>(!(y[j] < bound)) << j;
    return mask;
#endif
}

// Call `take(column)` for each column that is not below a bound.
template <class Take>
void each_not_below(const float* y, int64_t d_sae, float bound, Take take) {
    int64_t c = 0;
    for (; c + 16 <= d_sae; c += 16) {
        for (uint32_t mask = not_below(y + c, bound); mask; mask &= mask - 1) take(c + __builtin_ctz(mask));
    }
    for (; c < d_sae; c++) {
        if (!(y[c] < bound)) take(c);
    }
}

// A lower bound of the k-th largest of a row; `best` has room for the lanes, twice.
float bound_of(const float* y, int64_t d_sae, int64_t k, int64_t lanes, float* best) {
    if (!lanes) return -std::numeric_limits<float>::infinity();
    std::fill(best, best + lanes, -std::numeric_limits<float>::infinity());
    for (int64_t c = 0; c + lanes <= d_sae; c += lanes) {
        // columns beyond the last whole round are not looked at, which can only lower the bound
#pragma omp simd
        for (int64_t j = 0; j < lanes; j++) best[j] = y[c + j] > best[j] ? y[c + j] : best[j];
    }
    std::nth_element(best, best + k - 1, best + lanes, std::greater<float>());
    return best[k - 1];
}

float widened(uint16_t bits) {
    const uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    std::memcpy(&value, &wide, 4);
    return value;
}

// The largest bf16 that is not above a finite value.
uint16_t rounded_down(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, 4);
    const bool between = bits & 0xffffu;
    return static_cast<uint16_t>(bits >> 16) + (value < 0 && between ? 1 : 0);
}

// Below this no score in bf16 can belong to an exact score of `bound` less the error (kernels/certificate.py).
float reach(float bound, float error) {
    const float u = bound - HALF_ULP * std::fabs(bound) - error;
    return u - HALF_ULP * std::fabs(u) * ROUND_UP - 0x1p-20f * (std::fabs(bound) + error);
}

// Which of 32 bf16 numbers are not below a bound. Above 0 they order as signed integers do; from 0 down those that
// are not below it are the ones whose bits, without sign, are not above its own.
uint32_t not_below16(const uint16_t* y, uint16_t bound) {
    const bool positive = bound < 0x8000u && bound != 0;
#if defined(__AVX512BW__)
    const __m512i v = _mm512_loadu_si512(y), t = _mm512_set1_epi16(static_cast<int16_t>(bound));
    return positive ? _mm512_cmpge_epi16_mask(v, t) : _mm512_cmple_epu16_mask(v, t);
#elif defined(__AVX2__)
    const __m256i t = _mm256_set1_epi16(static_cast<int16_t>(positive ? bound - 1 : bound));
    __m256i hit[2];
    for (int half = 0; half < 2; half++) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(y + 16 * half));
        hit[half] = positive ? _mm256_cmpgt_epi16(v, t) : _mm256_cmpeq_epi16(_mm256_min_epu16(v, t), v);
    }
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(hit[0], hit[1]), 0xd8);
    return static_cast<uint32_t>(_mm256_movemask_epi8(bytes));
#else
    uint32_t mask = 0;
    for (int j = 0; j < 32; j++) {
        const bool hit = positive ? static_cast<int16_t>(y[j]) >= static_cast<int16_t>(bound) : y[j] <= bound;
        mask |= static_cast<uint32_t>(hit) << j;
    }
    return mask;
#endif
}

// Call `take(column)` for each bf16 score that is not below a bound.
template <class Take>
void each_not_below16(const uint16_t* y, int64_t d_sae, uint16_t bound, Take take) {
    const uint16_t bits = bound == 0 ? 0x8000u : bound;  // -0 stands where 0 does
    int64_t c = 0;
    for (; c + 32 <= d_sae; c += 32) {
        for (uint32_t mask = not_below16(y + c, bits); mask; mask &= mask - 1) take(c + __builtin_ctz(mask));
    }
    for (; c < d_sae; c++) {
        if (!(widened(y[c]) < widened(bits))) take(c);
    }
}

// Candidates of a row of bf16 scores, at most `cap`; -1 where there are more, or the proof says nothing.
int32_t shortlist(
    const uint16_t* y, int64_t d_sae, int64_t k, int64_t lanes, float error, int64_t cap, int16_t* best,
    float* maxima, int32_t* found) {
    std::fill(best, best + lanes, std::numeric_limits<int16_t>::min());
    const int16_t* signed_y = reinterpret_cast<const int16_t*>(y);
    for (int64_t c = 0; c + lanes <= d_sae; c += lanes) {
        // of lanes without a positive score this keeps some score, not the largest: it still is one, so the bound holds
#pragma omp simd
        for (int64_t j = 0; j < lanes; j++) best[j] = signed_y[c + j] > best[j] ? signed_y[c + j] : best[j];
    }
    for (int64_t j = 0; j < lanes; j++) maxima[j] = widened(static_cast<uint16_t>(best[j]));
    for (int64_t j = 0; j < lanes; j++) {
        if (maxima[j] != maxima[j]) return -1;
    }
    std::nth_element(maxima, maxima + k - 1, maxima + lanes, std::greater<float>());
    const float lowest = reach(maxima[k - 1], 2 * error);
    if (!std::isfinite(lowest)) return -1;
    int64_t count = 0;
    each_not_below16(y, d_sae, rounded_down(lowest), [&](int64_t column) {
        if (count < cap) found[count] = static_cast<int32_t>(column);
        count++;
    });
    return count <= cap ? static_cast<int32_t>(count) : -1;
}

}  // namespace

// The k largest of each row of scores [n, d_sae], falling, of equals the lower column first; NaN above all.
API void monosema_top_k(
    const float* scores, int64_t n, int64_t d_sae, int64_t k, float* values, int64_t* columns, int32_t threads) {
    const int64_t lanes = lanes_of(d_sae, k);
#pragma omp parallel num_threads(threads)
    {
        std::vector<float> best(lanes);
        std::vector<uint64_t> keys;
        keys.reserve(16 * k);
#pragma omp for schedule(static)
        for (int64_t row = 0; row < n; row++) {
            const float* y = scores + row * d_sae;
            keys.clear();
            const float bound = bound_of(y, d_sae, k, lanes, best.data());
            each_not_below(y, d_sae, bound, [&](int64_t column) { keys.push_back(key_of(y[column], column)); });
            rank(keys, k);
            for (int64_t j = 0; j < k; j++) {
                columns[row * k + j] = column_of(keys[j]);
                values[row * k + j] = y[columns[row * k + j]];
            }
        }
    }
}

// How many scores of each row are not below the row's bound.
API void monosema_count(
    const float* scores, int64_t n, int64_t d_sae, const float* bounds, int64_t* counts, int32_t threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < n; row++) {
        int64_t count = 0;
        each_not_below(scores + row * d_sae, d_sae, bounds[row], [&](int64_t) { count++; });
        counts[row] = count;
    }
}

// Columns, ascending, and scores of those, where `offsets` are the running sums of the counts.
API void monosema_collect(
    const float* scores, int64_t n, int64_t d_sae, const float* bounds, const int64_t* offsets, int64_t* columns,
    float* values, int32_t threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < n; row++) {
        const float* y = scores + row * d_sae;
        int64_t at = offsets[row];
        each_not_below(y, d_sae, bounds[row], [&](int64_t column) {
            columns[at] = column;
            values[at++] = y[column];
        });
    }
}

// `monosema_count` of bf16 scores and bounds.
API void monosema_count16(
    const uint16_t* scores, int64_t n, int64_t d_sae, const uint16_t* bounds, int64_t* counts, int32_t threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < n; row++) {
        int64_t count = 0;
        each_not_below16(scores + row * d_sae, d_sae, bounds[row], [&](int64_t) { count++; });
        counts[row] = count;
    }
}

// Columns of those, ascending, and their exact scores x · W + b.
API void monosema_collect16(
    const uint16_t* scores, int64_t n, int64_t d_sae, const uint16_t* bounds, const int64_t* offsets, const float* x,
    const float* weights, const float* bias, int64_t d, int64_t* columns, float* values, int32_t threads) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t row = 0; row < n; row++) {
        const int64_t begin = offsets[row], end = offsets[row + 1];
        int64_t at = begin;
        each_not_below16(scores + row * d_sae, d_sae, bounds[row], [&](int64_t column) { columns[at++] = column; });
        for (int64_t j = begin; j < std::min(begin + AHEAD, end); j++) fetch(weights + columns[j] * d, d);
        for (int64_t j = begin; j < end; j++) {
            if (j + AHEAD < end) fetch(weights + columns[j + AHEAD] * d, d);
            values[j] = dot(x + row * d, weights + columns[j] * d, d) + bias[columns[j]];
        }
    }
}

// Candidates [n, cap] and their counts, of bf16 scores [n, d_sae] whose errors are at most `errors`; a count of -1
// where the proof does not cover the row. `lanes_of` must not be 0: d_sae of 64 and of 8 k + 62 is enough.
API void monosema_shortlist(
    const uint16_t* scores, int64_t n, int64_t d_sae, int64_t k, const float* errors, int64_t cap,
    int32_t* candidates, int32_t* counts, int32_t threads) {
    const int64_t lanes = lanes_of(d_sae, k);
#pragma omp parallel num_threads(threads)
    {
        std::vector<int16_t> best(lanes);
        std::vector<float> maxima(lanes);
#pragma omp for schedule(static)
        for (int64_t row = 0; row < n; row++) {
            counts[row] = shortlist(
                scores + row * d_sae, d_sae, k, lanes, errors[row], cap, best.data(), maxima.data(),
                candidates + row * cap);
        }
    }
}

// Exact scores x · W + b of the candidates, and the k largest of them, falling; rows without a proof are left alone.
API void monosema_rank(
    const float* x, const float* weights, const float* bias, int64_t n, int64_t d, int64_t k,
    const int32_t* candidates, const int32_t* counts, int64_t cap, float* values, int64_t* columns,
    int32_t threads) {
#pragma omp parallel num_threads(threads)
    {
        std::vector<uint64_t> keys;
        std::vector<float> scores;
        keys.reserve(cap);
#pragma omp for schedule(static)
        for (int64_t row = 0; row < n; row++) {
            const int64_t count = counts[row];
            if (count < k) continue;
            const int32_t* names = candidates + row * cap;
            keys.clear();
            for (int64_t j = 0; j < std::min(AHEAD, count); j++) fetch(weights + names[j] * d, d);
            for (int64_t j = 0; j < count; j++) {
                if (j + AHEAD < count) fetch(weights + names[j + AHEAD] * d, d);
                // the place among the candidates stands for the column: both ascend
                const float score = dot(x + row * d, weights + names[j] * d, d) + bias[names[j]];
                keys.push_back(key_of(score, j));
                if (static_cast<int64_t>(scores.size()) <= j) scores.resize(j + 1);
                scores[j] = score;
            }
            rank(keys, k);
            for (int64_t j = 0; j < k; j++) {
                columns[row * k + j] = names[column_of(keys[j])];
                values[row * k + j] = scores[column_of(keys[j])];
            }
        }
    }
}
