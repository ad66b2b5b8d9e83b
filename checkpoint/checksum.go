package checkpoint

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
)

// The metadata keys of the checksum; the package comment explains them.
const (
	sumKey   = "sha256"
	noteKey  = "sha256.of"
	noteText = "this file with the digits of sha256 as zeros"

	// blankSum stands in for the digits while the sum is computed.
	blankSum = "0000000000000000000000000000000000000000000000000000000000000000"
)

// newSum begins the checksum of a file with the bytes b, in which the digits are to stand at
// b[at:].
func newSum(b []byte, at int) hash.Hash {
	h := sha256.New()
	h.Write(b[:at])
	h.Write([]byte(blankSum))
	h.Write(b[at+len(blankSum):])
	return h
}

// summed reports whether a file has a checksum, or should have.
func (h *header) summed() bool {
	_, has := h.metadata[sumKey]
	_, noted := h.metadata[noteKey]
	return has || noted
}

// verify checks a file against its checksum, which it has: head is all of it up to the
// payload, which comes from r.
func (h *header) verify(head []byte, r io.Reader) error {
	want := h.metadata[sumKey]
	if len(want) != len(blankSum) {
		return fmt.Errorf("%w: metadata %q is missing or not a SHA-256", ErrAltered, sumKey)
	}
	// The digits end just before the closing quote. (If JSON escapes make the
	// text longer than what it stands for, this is another place in it, and
	// the sum is not the one that was written.)
	sum := newSum(head, h.sumEnd-1-len(blankSum))
	if _, err := io.Copy(sum, r); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != want {
		return fmt.Errorf("%w: its SHA-256 is %s, and it says %s", ErrAltered, got, want)
	}
	return nil
}
