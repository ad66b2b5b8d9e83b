package figure

import (
	"fmt"
	"image"
	"image/png"
	"io"
)

// EncodePNG writes img as PNG at the default compression. The best one takes several
// times as long to save a few percent of a run's figures. The same image gives the
// same bytes: PNG holds no time and no name, and none is added.
func EncodePNG(w io.Writer, img image.Image) error {
	if g, ok := img.(*image.Gray); img == nil || ok && g == nil {
		return fmt.Errorf("figure: encode PNG: no image")
	}
	enc := png.Encoder{CompressionLevel: png.DefaultCompression}
	if err := enc.Encode(w, img); err != nil {
		return fmt.Errorf("figure: encode PNG: %w", err)
	}
	return nil
}
