package checkpoint

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"govae/internal/torture"
)

// A file written by hand after the specification, as another program would
// write it: no metadata, no checksum, and the header's order is not the
// payload's.
var foreign = raw(
	`{"b":{"shape":[],"data_offsets":[8,16],"dtype":"F64"}, "a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`,
	"\x00\x00\x80\x3f\x00\x00\x00\xc0"+"\x00\x00\x00\x00\x00\x00\xe0\x3f")

func TestDecodeGolden(t *testing.T) {
	got, err := Decode([]byte(golden))
	if err != nil {
		t.Fatal(err)
	}
	if d := diff(got, sample()); d != "" {
		t.Error(d)
	}
	for i, want := range sample().Tensors {
		if got.Tensors[i].Name != want.Name {
			t.Errorf("tensor %d is %q, want %q as in the file", i, got.Tensors[i].Name, want.Name)
		}
	}
}

func TestDecodeForeign(t *testing.T) {
	tests := []struct {
		name string
		file []byte
		want *File
	}{
		{"by hand", foreign, &File{Tensors: []Tensor{
			{Name: "a", Shape: []int{2}, Data: []float32{1, -2}},
			{Name: "b", Data: []float64{0.5}},
		}}},
		{"empty", raw("{}", ""), &File{}},
		// The reference takes any JSON space as padding, and so does this.
		{"padding", raw("{}\r \t\n", ""), &File{}},
		{"metadata", raw(`{"__metadata__":{"format":"pt"}}`, ""), &File{Metadata: map[string]string{"format": "pt"}}},
		{"empty tensors at one offset", raw(
			`{"x":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"y":{"dtype":"F32","shape":[2,0],"data_offsets":[0,0]},`+
				`"z":{"dtype":"I64","shape":[0],"data_offsets":[1,1]}}`, "\x07"),
			&File{Tensors: []Tensor{
				{Name: "y", Shape: []int{2, 0}, Data: []float32{}},
				{Name: "x", Shape: []int{1}, Data: []uint8{7}},
				{Name: "z", Shape: []int{0}, Data: []int64{}},
			}}},
		// U8 first leaves F32 unaligned, which the specification allows.
		{"unaligned", raw(`{"u":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"f":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}`,
			"\x07\x00\x00\x80\x3f"),
			&File{Tensors: []Tensor{
				{Name: "u", Shape: []int{1}, Data: []uint8{7}},
				{Name: "f", Shape: []int{1}, Data: []float32{1}},
			}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Decode(tt.file)
			if err != nil {
				t.Fatal(err)
			}
			if d := diff(got, tt.want); d != "" {
				t.Error(d)
			}
		})
	}
}

// u8 is a header with one U8 tensor.
func u8(shape, offsets string) string {
	return `{"a":{"dtype":"U8","shape":` + shape + `,"data_offsets":` + offsets + `}}`
}

// two is a header with two U8 tensors, of two and three values.
func two(a, b string) string {
	return `{"a":{"dtype":"U8","shape":[2],"data_offsets":` + a + `},"b":{"dtype":"U8","shape":[3],"data_offsets":` + b + `}}`
}

// tensors is a header of n tensors, as short as they can be.
func tensors(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":{"dtype":"U8","shape":[],"data_offsets":[0,0]}`, i)
	}
	return "{" + b.String()[1:] + "}"
}

// keys is a header of n keys of metadata.
func keys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%d":""`, i)
	}
	return `{"__metadata__":{` + b.String()[1:] + "}}"
}

// violations are files that break the specification, and what is said of them.
var violations = []struct {
	name string
	file []byte
	want error
	text string
}{
	{"nothing", nil, ErrTruncated, "0 bytes"},
	{"prefix cut", []byte("\x02\x00\x00\x00\x00\x00\x00"), ErrTruncated, "7 bytes"},
	{"header cut", []byte("\x08\x00\x00\x00\x00\x00\x00\x00{}"), ErrTruncated, "header of 8 bytes in a file of 10"},
	{"header too large", binary.LittleEndian.AppendUint64(nil, maxHeader+1), ErrFormat, "header of 100000001 bytes"},
	{"header of 2^64-1", binary.LittleEndian.AppendUint64(nil, math.MaxUint64), ErrFormat, "safetensors file: it does not begin like one: header of 18446744073709551615 bytes, at most 100000000"},
	{"some text", []byte("This is not a model."), ErrFormat, "at most 100000000"},
	{"header empty", raw("", ""), ErrFormat, "does not begin with {"},
	{"header begins with space", raw(" {}", ""), ErrFormat, "does not begin with {"},
	{"header is an array", raw("[]", ""), ErrFormat, "does not begin with {"},
	{"header not JSON", raw(`{"a":}`, ""), ErrFormat, "not JSON"},
	{"header not closed", raw(`{"a":{}`, ""), ErrFormat, "not JSON"},
	{"comma at the end", raw(`{"__metadata__":{},}`, ""), ErrFormat, "not JSON"},
	{"two objects", raw("{}{}", ""), ErrFormat, "not JSON"},
	{"padded with zero bytes", raw("{}\x00", ""), ErrFormat, "not JSON"},
	{"header not UTF-8", raw("{\"__metadata__\":{\"\xff\":\"\"}}", ""), ErrFormat, "not UTF-8"},
	{"name twice", raw(`{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0061":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, ""),
		ErrFormat, `key "a" appears twice`},
	{"metadata twice", raw(`{"__metadata__":{},"__metadata__":{}}`, ""), ErrFormat, `key "__metadata__" appears twice`},
	{"metadata key twice", raw(`{"__metadata__":{"k":"","k":""}}`, ""), ErrFormat, `key "k" appears twice`},
	{"field twice", raw(`{"a":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}`, ""), ErrFormat, `tensor "a": key "dtype" appears twice`},
	{"metadata null", raw(`{"__metadata__":null}`, ""), ErrFormat, "want an object, have null"},
	{"metadata not text", raw(`{"__metadata__":{"k":1}}`, ""), ErrFormat, `metadata "k": want text, have a number`},
	{"tensor not an object", raw(`{"a":[]}`, ""), ErrFormat, `tensor "a": want an object, have an array`},
	{"field missing", raw(`{"a":{"dtype":"U8","shape":[0]}}`, ""), ErrFormat, "have 2 of them"},
	{"field unknown", raw(`{"a":{"DTYPE":"U8"}}`, ""), ErrFormat, `unknown key "DTYPE"`},
	{"dtype unknown", raw(`{"a":{"dtype":"F31","shape":[0],"data_offsets":[0,0]}}`, ""), ErrFormat, `tensor "a": dtype "F31" is not one of`},
	{"dtype BF16", raw(`{"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}`, "xx"), ErrFormat, `dtype "BF16" is not one of`},
	{"dtype not text", raw(`{"a":{"dtype":true,"shape":[0],"data_offsets":[0,0]}}`, ""), ErrFormat, "dtype: want text, have true or false"},
	{"shape null", raw(u8("null", "[0,1]"), "x"), ErrFormat, "shape: want an array, have null"},
	{"shape of text", raw(u8(`["1"]`, "[0,1]"), "x"), ErrFormat, "shape: want a number, have text"},
	{"shape nested", raw(u8("[[1]]", "[0,1]"), "x"), ErrFormat, "shape: want a number, have an array"},
	{"shape negative", raw(u8("[-1,-1]", "[0,1]"), "x"), ErrFormat, "shape: -1 is not an integer"},
	{"shape minus zero", raw(u8("[-0]", "[0,0]"), ""), ErrFormat, "shape: -0 is not an integer"},
	{"shape a fraction", raw(u8("[1.0]", "[0,1]"), "x"), ErrFormat, "shape: 1.0 is not an integer"},
	{"shape an exponent", raw(u8("[1e0]", "[0,1]"), "x"), ErrFormat, "shape: 1e0 is not an integer"},
	{"shape of 2^64-1", raw(u8("[18446744073709551615]", "[0,1]"), "x"), ErrFormat, "is not an integer from 0"},
	{"shape overflows to 0", raw(u8("[4294967296,4294967296]", "[0,0]"), ""), ErrFormat, "too large"},
	{"bytes overflow to 0", raw(`{"a":{"dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0]}}`, ""), ErrFormat, "too large"},
	{"rank 9", raw(u8("["+strings.Repeat("1,", 8)+"1]", "[0,1]"), "x"), ErrFormat, "shape: more than 8 numbers"},
	{"rank 500000", raw(u8("["+strings.Repeat("1,", 500_000)+"1]", "[0,1]"), "x"), ErrFormat, "shape: more than 8 numbers"},
	{"a number of 1 MB", raw(u8("["+strings.Repeat("1", 1_000_000)+"]", "[0,1]"), "x"), ErrFormat, "is not an integer"},
	{"shape of 2^63", raw(u8("[9223372036854775808]", "[0,1]"), "x"), ErrFormat, "is not an integer from 0 to 9223372036854775807"},
	{"a name of 1 MB", raw(`{"`+strings.Repeat("x", 1_000_000)+`":{"dtype":"U8","shape":[0],"data_offsets":[0,1]}}`, ""), ErrTruncated, "ends at byte 1"},
	{"a dtype of 1 MB", raw(`{"a":{"dtype":"`+strings.Repeat("x", 1_000_000)+`","shape":[0],"data_offsets":[0,0]}}`, ""), ErrFormat, "is not one of"},
	{"metadata of 1 MB of escapes", raw(`{"__metadata__":{"k":"`+strings.Repeat(`\u0061`, 200_000)+`","k":""}}`, ""), ErrFormat, "appears twice"},
	{"4097 tensors", raw(tensors(4097), ""), ErrFormat, "more than 4096 tensors"},
	{"100000 tensors", raw(tensors(100_000), ""), ErrFormat, "more than 4096 tensors"},
	{"100000 keys of metadata", raw(keys(100_000), ""), ErrFormat, "more than 1024 keys"},
	{"nested 9000 deep", raw(strings.Repeat(`{"a":`, 9000)+"0"+strings.Repeat("}", 9000), ""), ErrFormat, `unknown key "a"`},
	{"nested 100000 deep", raw(strings.Repeat(`{"a":`, 100_000)+"0"+strings.Repeat("}", 100_000), ""), ErrFormat, "not JSON"},
	{"name twice, far apart", raw(strings.TrimSuffix(tensors(4000), "}")+`,"\u0061":{"dtype":"U8","shape":[],"data_offsets":[0,0]},"a":{"dtype":"U8","shape":[],"data_offsets":[0,0]}}`, ""),
		ErrFormat, `key "a" appears twice`},
	{"offsets beyond int64", raw(u8("[1]", "[0,99999999999999999999]"), "x"), ErrFormat, "data_offsets: 99999999999999999999 is not"},
	{"header of 99 MB and no more", binary.LittleEndian.AppendUint64(nil, 99_000_000), ErrTruncated, "header of 99000000 bytes in a file of 8"},
	{"name cut in an escape", raw(`{"\u00`, ""), ErrFormat, "not JSON"},
	{"name with a control character", raw("{\"\n\":{}}", ""), ErrFormat, "not JSON"},
	{"metadata of an array", raw(`{"__metadata__":{"k":[]}}`, ""), ErrFormat, `metadata "k": want text, have an array`},
	{"metadata of an object", raw(`{"__metadata__":{"k":{}}}`, ""), ErrFormat, `metadata "k": want text, have an object`},
	{"metadata of truth", raw(`{"__metadata__":{"k":false}}`, ""), ErrFormat, `metadata "k": want text, have true or false`},
	{"metadata null inside", raw(`{"__metadata__":{"k":null}}`, ""), ErrFormat, `metadata "k": want text, have null`},
	{"checksum of a wrong length", raw(`{"__metadata__":{"sha256":"00"}}`, ""), ErrAltered, "not a SHA-256"},
	{"checksum of another file", raw(`{"__metadata__":{"sha256":"`+blankSum+`"}}`, ""), ErrAltered, "and it says 0000"},
	{"one offset", raw(u8("[0]", "[0]"), ""), ErrFormat, "data_offsets: want 2 numbers, have 1"},
	{"three offsets", raw(u8("[0]", "[0,0,0]"), ""), ErrFormat, "data_offsets: more than 2 numbers"},
	{"offset negative", raw(u8("[1]", "[-1,0]"), ""), ErrFormat, "data_offsets: -1 is not"},
	{"offsets reversed", raw(u8("[1]", "[1,0]"), "x"), ErrFormat, "offsets [1,0] are reversed"},
	{"offsets too far apart", raw(u8("[1]", "[0,2]"), "xx"), ErrFormat, "hold 2 bytes, and U8 [1] takes 1"},
	{"end not at a whole value", raw(`{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,5]}}`, "xxxxx"), ErrFormat, "hold 5 bytes, and F32 [1] takes 4"},
	{"out of bounds", raw(u8("[2]", "[0,2]"), "x"), ErrTruncated, `tensor "a" ends at byte 2 of a payload of 1`},
	{"far out of bounds", raw(u8("[9223372036854775807]", "[0,9223372036854775807]"), "x"), ErrTruncated, "of a payload of 1"},
	{"hole at the start", raw(u8("[1]", "[1,2]"), "xx"), ErrFormat, "hole of 1 bytes before offset 1"},
	{"hole between", raw(two("[0,2]", "[4,7]"), "xxxxxxx"), ErrFormat, `tensor "b": hole of 2 bytes before offset 4`},
	{"overlap", raw(two("[0,2]", "[1,4]"), "xxxx"), ErrFormat, `tensor "b": overlaps another at offset 1`},
	{"same bytes twice", raw(`{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, "x"),
		ErrFormat, "overlaps another at offset 0"},
	{"bytes at the end", raw(two("[0,2]", "[2,5]"), "xxxxxxx"), ErrFormat, "2 bytes after the last tensor"},
	{"bytes and no tensor", raw("{}", "x"), ErrFormat, "1 bytes after the last tensor"},
}

func TestDecodeViolations(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	for _, tt := range violations {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Decode(tt.file)
			if f != nil || !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) {
				t.Fatalf("Decode = %v, %v\nwant %v … %s", f, err, tt.want, tt.text)
			}
			if s := err.Error(); !strings.HasPrefix(s, "checkpoint: ") || strings.Contains(s, "\n") || len(s) > 500 {
				t.Errorf("error is not one line of this package: %q", s)
			}
			if err := os.WriteFile(path, tt.file, 0o600); err != nil {
				t.Fatal(err)
			}
			var read error
			bounded(t, int64(len(tt.file)), func() { _, read = Read(path) })
			if want := "checkpoint: " + path + ": " + strings.TrimPrefix(err.Error(), "checkpoint: "); read == nil || read.Error() != want {
				t.Errorf("Read = %v, want %s", read, want)
			}
		})
	}
	if len(violations) < 60 {
		t.Errorf("%d cases", len(violations))
	}
	torture.Count(t, "crafted safetensors: refused, in bounded memory", len(violations))
}

// slack is what more than the bound a test takes for itself.
var slack uint64

// bounded runs f, which reads a file of size bytes, and fails if that allocates more than
// twice the file and 1 MiB, in all.
func bounded(t testing.TB, size int64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n, most := after.TotalAlloc-before.TotalAlloc, uint64(2*size+1<<20); n > most+slack {
		t.Errorf("%d bytes allocated for a file of %d, want at most %d", n, size, most)
	}
}

// What a sound file may hold at most, and in the shortest entries, keeps to the bound too.
func TestReadIsBounded(t *testing.T) {
	full := &File{Metadata: map[string]string{}}
	flat := &File{}
	for i := range maxTensors {
		full.Tensors = append(full.Tensors, Tensor{Name: fmt.Sprint(i), Shape: slices.Repeat([]int{1}, maxRank), Data: []uint8{1}})
		flat.Tensors = append(flat.Tensors, Tensor{Name: strings.Repeat("n", 100) + fmt.Sprint(i), Data: []int64{1}})
	}
	for i := range maxMetadata - 2 {
		full.Metadata[fmt.Sprint(i)] = ""
	}
	text := &File{Metadata: map[string]string{"k": strings.Repeat("\"", 1_000_000), "l": strings.Repeat("<", 1_000_000), "m": strings.Repeat("m", 1_000_000)}}
	for _, f := range []*File{full, flat, text, tenMB()} {
		b := encoded(t, f)
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		var got *File
		var err error
		bounded(t, int64(len(b)), func() { got, err = Read(path) })
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(encoded(t, got), b) {
			t.Error("what was read is not what was written")
		}
	}
}

// The walker takes each header for what encoding/json takes it for.
func TestWalkerText(t *testing.T) {
	for _, text := range []string{`""`, `"a\"b\\c\/d\b\f\n\r\t"`, `"\u0041\u00e9\u20AC"`, `"\ud83d\ude00"`, `"\ud83d"`, `"\ud83dx"`, `"\ude00\ud83d"`,
		`"\ud83d\u0041"`, `"\ud83d\n"`, `"\ud83d\ud83d\ude00"`, `"é€😀"`, `"\u0000"`} {
		var want string
		if err := json.Unmarshal([]byte(text), &want); err != nil {
			t.Fatal(err)
		}
		w := walker{b: []byte(text + " ")}
		if got, err := w.text(); err != nil || got != want || w.at != len(text) {
			t.Errorf("%s: %q up to %d, %v, want %q up to %d", text, got, w.at, err, want, len(text))
		}
	}
}

func TestDecodeEveryTruncation(t *testing.T) {
	for _, file := range [][]byte{[]byte(golden), foreign} {
		for n := range file {
			if _, err := Decode(file[:n]); !errors.Is(err, ErrTruncated) {
				t.Errorf("first %d of %d bytes: %v, want %v", n, len(file), err, ErrTruncated)
			}
		}
	}
}

// The checksum covers the whole file, so no flipped bit passes: not in the
// length, the names, the shapes, the metadata, the padding, the checksum's own
// digits and key, nor in the values.
func TestDecodeEveryFlippedBit(t *testing.T) {
	for i := range len(golden) * 8 {
		b := []byte(golden)
		b[i/8] ^= 1 << (i % 8)
		_, err := Decode(b)
		if err == nil {
			t.Errorf("bit %d of byte %d (%q) flipped: no error", i%8, i/8, golden[i/8])
		}
		inValues := i/8 >= prefixSize+480
		if inValues && !errors.Is(err, ErrAltered) {
			t.Errorf("bit %d of byte %d flipped: %v, want %v", i%8, i/8, err, ErrAltered)
		}
	}
}

// Alterations that leave a well-formed file.
func TestDecodeAltered(t *testing.T) {
	digits := golden[strings.Index(golden, "5879d8"):][:64]
	tests := []struct{ name, old, new string }{
		{"metadata", "latent", "latenT"},
		{"name", "b.weight", "b.weighs"},
		{"shape", "[2,1]", "[1,2]"},
		{"dtype", "F64", "I64"},
		{"value", "\x00\x7f\xff", "\x00\x7f\xfe"},
		{"padding", " \xfe", "\t\xfe"},
		{"digits", "5879d8", "5879d0"},
		{"capital digits", "5879d8", "5879D8"},
		{"digits cut", `5879d8`, ``},
		{"digits escaped", `5879d8`, `\u0035879d8`},
		{"digits gone", digits, ""},
		{"checksum gone", `"sha256":`, `"sha257":`},
		{"note gone", `"sha256.of":`, `"sha256.or":`},
	}
	for _, tt := range tests {
		body := strings.Replace(golden[prefixSize:], tt.old, tt.new, 1)
		header := body[:len(body)-27]
		_, err := Decode(raw(header, body[len(body)-27:]))
		if !errors.Is(err, ErrAltered) {
			t.Errorf("%s: %v, want %v", tt.name, err, ErrAltered)
		}
	}
}

func TestReadErrorsNameThePath(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.safetensors")
	_, err := Read(path)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), path) {
		t.Errorf("Read of no file = %v", err)
	}
	if err := os.WriteFile(path, []byte(golden[:100]), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = Read(path)
	if !errors.Is(err, ErrTruncated) || !strings.HasPrefix(err.Error(), "checkpoint: "+path+": file is cut short") {
		t.Errorf("Read of a cut file = %v", err)
	}
}

// A file that is mostly a hole, which takes no space on the disk, and what has no end.
func TestReadSparse(t *testing.T) {
	const size = 40 << 30
	huge := fmt.Sprintf(`{"a":{"dtype":"U8","shape":[%d],"data_offsets":[0,%[1]d]}}`, size-prefixSize-73)
	for _, tt := range []struct {
		name, begin, text string
		want              error
	}{
		{"zeros", "", "header does not begin", ErrFormat},
		{"zip", "PK\x03\x04, as PyTorch writes", "at most 100000000", ErrFormat},
		{"a header of zeros", "\x00\xe0\xf5\x05\x00\x00\x00\x00{", "not JSON", ErrFormat},
		{"a model and zeros", golden, "bytes after the last tensor", ErrAltered},
		{"one tensor, read if it is asked for", string(raw(huge, "")), "no such tensor", ErrMissing},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "f")
			if err := os.WriteFile(path, []byte(tt.begin), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, size); err != nil {
				t.Skip(err)
			}
			var err error
			var claimed int64 = 1 << 17 // what may be read of it at all
			if strings.HasPrefix(tt.name, "a header") {
				claimed = maxHeader
			}
			bounded(t, claimed, func() { _, err = ReadIf(path, func(head *File) error { return head.Fits([]Tensor{{Name: "b"}}) }) })
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.text) || strings.Contains(err.Error(), "\n") {
				t.Errorf("Read = %v, want %q", err, tt.text)
			}
		})
	}
}

// Decode never panics, allocates little, takes a header for what encoding/json takes it for,
// and what it accepts survives another round.
func FuzzDecode(f *testing.F) {
	f.Add([]byte(golden))
	f.Add(foreign)
	for _, v := range violations {
		if len(v.file) < 10_000 {
			f.Add(v.file)
		}
	}
	f.Add(raw(tensors(10), ""))
	f.Add(raw(`{"\ud83d\ude00\ud83d":{"dtype":"U8","shape":[],"data_offsets":[0,1]} }`, "x"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var file *File
		var err error
		bounded(t, int64(len(b)), func() { file, err = Decode(b) })
		if err != nil {
			return
		}
		var header map[string]json.RawMessage
		if err := json.Unmarshal(b[prefixSize:][:binary.LittleEndian.Uint64(b)], &header); err != nil {
			t.Fatal(err)
		}
		var metadata map[string]string
		if err := json.Unmarshal(header[metadataKey], &metadata); header[metadataKey] != nil && err != nil {
			t.Fatal(err)
		}
		delete(metadata, sumKey)
		delete(metadata, noteKey)
		if !maps.Equal(metadata, file.Metadata) {
			t.Fatalf("metadata %q, want %q", file.Metadata, metadata)
		}
		size := 0
		for _, x := range file.Tensors {
			var e struct{ Shape []int }
			if err := json.Unmarshal(header[x.Name], &e); err != nil || !slices.Equal(e.Shape, x.Shape) {
				t.Fatalf("tensor %q of %v, want %v, %v", x.Name, x.Shape, e.Shape, err)
			}
			d, n := dtypeOf(x.Data)
			size += n * d.size
		}
		if size > len(b) {
			t.Fatalf("%d bytes of values out of a file of %d", size, len(b))
		}
		first := encoded(t, file)
		again, err := Decode(first)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(again, file); d != "" {
			t.Fatal(d)
		}
		if !bytes.Equal(encoded(t, again), first) {
			t.Fatal("encoded twice, with different bytes")
		}
	})
}
