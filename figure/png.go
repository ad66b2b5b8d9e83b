package figure

import (
	"fmt"
	"image"
	"image/png"
	"io"
)

// EncodePNG writes img as PNG at the best compression. The same image gives the
// same bytes: PNG holds no time and no name, and none is added.
func EncodePNG(w io.Writer, img image.Image) error {
	if g, ok := img.(*image.Gray); img == nil || ok && g == nil {
		return fmt.Errorf("figure: encode PNG: no image")
	}
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(w, img); err != nil {
		return fmt.Errorf("figure: encode PNG: %w", err)
	}
	return nil
}
