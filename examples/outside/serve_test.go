package outside

import (
	"bytes"
	"fmt"
	"image/png"
	"net/http/httptest"
	"sync"
	"testing"

	"govae/vae"
)

// 64 goroutines ask for 8 digits, each digit many times at once. Each digit is the same
// whoever asks. The race detector (go test -race) watches.
func TestServe(t *testing.T) {
	t.Run("mlp", func(t *testing.T) { serve(t, small(nil)) })
	t.Run("conv", func(t *testing.T) { serve(t, small(convolutional)) })
}

func serve(t *testing.T, c vae.Config) {
	h := Serve(newModel(t, c))
	get := func(seed int) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", fmt.Sprintf("/?seed=%d", seed), nil))
		return w
	}
	var want [8][]byte
	for seed := range want {
		want[seed] = get(seed).Body.Bytes()
	}
	if bytes.Equal(want[0], want[1]) {
		t.Error("seeds 0 and 1 give the same digit")
	}
	digit, err := png.Decode(bytes.NewReader(want[0]))
	if err != nil {
		t.Fatal(err)
	}
	if s := digit.Bounds().Size(); s.X != 28 || s.Y != 28 {
		t.Errorf("a digit of %v", s)
	}
	var all sync.WaitGroup
	for i := range 64 {
		all.Add(1)
		go func() {
			defer all.Done()
			if w := get(i % 8); w.Code != 200 || !bytes.Equal(w.Body.Bytes(), want[i%8]) {
				t.Errorf("seed %d: status %d, or another digit", i%8, w.Code)
			}
		}()
	}
	all.Wait()
	if w := get(-1); w.Code != 400 {
		t.Errorf("a seed of -1 has status %d, want 400", w.Code)
	}
}
