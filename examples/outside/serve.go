package outside

import (
	"fmt"
	"image"
	"image/png"
	"net/http"
	"strconv"

	"govae/vae"
)

// Serve is a web handler that answers each request with one new digit, a PNG. The query
// seed=7 says which one. A model may be used by any number of goroutines at once, so the
// handler needs no lock.
func Serve(m *vae.Model) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seed, err := strconv.ParseUint(r.URL.Query().Get("seed"), 10, 64)
		if err != nil {
			http.Error(w, "seed: want a whole number of at least 0", http.StatusBadRequest)
			return
		}
		x, err := m.Sample(1, seed, 1) // [1,X], means of pixels
		if err != nil {
			http.Error(w, fmt.Sprint(err), http.StatusInternalServerError)
			return
		}
		digit := image.NewGray(image.Rect(0, 0, m.Config().Cols, m.Config().Rows))
		for j, v := range x {
			digit.Pix[j] = uint8(255*v + 0.5)
		}
		w.Header().Set("Content-Type", "image/png")
		_ = png.Encode(w, digit) // fails only if the reader has gone
	})
}
