module govae/internal/simd/gen

go 1.24.0
