package mnist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

func TestMain(m *testing.M) {
	os.Unsetenv("MNIST_DIR") // the tests and examples want MNIST itself
	os.Exit(m.Run())
}

// official loads MNIST once for all tests, which must not write to it.
var official = sync.OnceValue(func() (data struct {
	dir         string
	train, test *Set
	err         error
}) {
	if data.dir, data.err = Find(""); data.err == nil {
		data.train, data.test, data.err = Load(data.dir)
	}
	return data
})

// loadOfficial returns MNIST and its directory.
func loadOfficial(t testing.TB) (dir string, train, test *Set) {
	t.Helper()
	data := official()
	if data.err != nil {
		t.Fatal(data.err)
	}
	return data.dir, data.train, data.test
}

// imageFile returns an IDX image file with any header and body.
func imageFile(n, rows, cols int32, pixels []uint8) []byte {
	return idxFile(0x803, []int32{n, rows, cols}, pixels)
}

// labelFile returns an IDX label file with any header and body.
func labelFile(n int32, labels []uint8) []byte {
	return idxFile(0x801, []int32{n}, labels)
}

func idxFile(magic uint32, header []int32, body []uint8) []byte {
	raw := binary.BigEndian.AppendUint32(nil, magic)
	for _, h := range header {
		raw = binary.BigEndian.AppendUint32(raw, uint32(h))
	}
	return append(raw, body...)
}

func gzipped(raw []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(raw)
	z.Close()
	return b.Bytes()
}

// smallFiles returns the raw content of a sound data set of random 8x8 images,
// 20 for training and 10 for testing.
func smallFiles() map[string][]byte {
	src := rand.New(rand.NewPCG(1, 2))
	pixels := make([]uint8, 20*64)
	for k := range pixels {
		pixels[k] = uint8(src.IntN(256))
	}
	labels := []uint8{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}
	return map[string][]byte{
		"train-images-idx3-ubyte": imageFile(20, 8, 8, pixels),
		"train-labels-idx1-ubyte": labelFile(20, labels),
		"t10k-images-idx3-ubyte":  imageFile(10, 8, 8, pixels[:10*64]),
		"t10k-labels-idx1-ubyte":  labelFile(10, labels[:10]),
	}
}

// writeDir writes files into a new directory called name and returns its path.
func writeDir(t testing.TB, name string, files map[string][]byte) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// levels returns a set of one image that holds every grey level once, in order.
func levels() *Set {
	s := &Set{Name: "levels", Rows: 16, Cols: 16, Pixels: make([]uint8, 256), Labels: []uint8{0}}
	for v := range s.Pixels {
		s.Pixels[v] = uint8(v)
	}
	return s
}
