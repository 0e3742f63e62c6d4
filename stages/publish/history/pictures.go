package history

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/draw"
	"image/png"
	"path"
	"slices"
	"strings"

	"github.com/mage-os/nightly/stages/publish/target"
)

// What counts as another picture: fonts are smoothed and a clock ticks.
const (
	pixelTolerance = 24    // of a channel of 255
	leastShare     = 0.001 // of all pixels
)

// The bounds of a picture: it was taken of a shop, whose code made it.
const (
	maxPicture = 4 << 20 // in bytes
	maxPixels  = 16 << 20
)

// Compare says which screenshots of a try look otherwise than those of the last good try before it that has some. Of all
// cells the first that has screenshots is looked at: they show the same shop.
func (b *Book) Compare(ctx context.Context, s target.Source, e *Entry) error {
	at := slices.IndexFunc(e.Cells, func(c Cell) bool { return len(c.Screenshots) > 0 })
	if at < 0 {
		return nil
	}
	cell := &e.Cells[at]
	before, was := b.shown(e, cell.Name)
	if before == nil {
		return nil
	}
	cell.Otherwise = nil
	for _, shot := range cell.Screenshots {
		i := slices.IndexFunc(was, func(old string) bool { return path.Base(old) == path.Base(shot) })
		if i < 0 || e.Files[shot] == nil {
			continue
		}
		old, err := target.ReadIfThere(ctx, s, was[i])
		if err != nil {
			return err
		}
		share, err := differing(old, e.Files[shot])
		if err != nil || share < leastShare {
			continue // what is no picture differs from none
		}
		name := strings.ReplaceAll(strings.TrimSuffix(path.Base(shot), ".png"), "-", " ")
		cell.Otherwise = append(cell.Otherwise, Picture{Page: name, Share: share, Before: was[i], After: shot, BeforeDay: before.Snapshot})
	}
	return nil
}

// shown is the last good try before another one that has screenshots of a cell, with their addresses.
func (b *Book) shown(e *Entry, cell string) (*Try, []string) {
	tries := b.Tries()
	for _, t := range slices.Backward(tries) {
		if !t.Good() || !t.Began().Before(e.Began()) || e.At.Sub(t.At) > KeepFiles {
			continue
		}
		for _, c := range t.Cells {
			if c.Name == cell && len(c.Screenshots) > 0 {
				return t, c.Screenshots
			}
		}
	}
	return nil, nil
}

// differing is the share of the pixels that differ between two PNGs, of the larger of them.
func differing(before, after []byte) (float64, error) {
	a, errA := readPicture(before)
	b, errB := readPicture(after)
	if errA != nil || errB != nil {
		return 0, fmt.Errorf("compare pictures: %w", orElse(errA, errB))
	}
	size := a.Rect.Union(b.Rect)
	both := a.Rect.Intersect(b.Rect)
	differ := size.Dx()*size.Dy() - both.Dx()*both.Dy()
	for y := both.Min.Y; y < both.Max.Y; y++ {
		one, other := a.Pix[a.PixOffset(both.Min.X, y):], b.Pix[b.PixOffset(both.Min.X, y):]
		if bytes.Equal(one[:4*both.Dx()], other[:4*both.Dx()]) {
			continue
		}
		for i := 0; i < 4*both.Dx(); i += 4 {
			if apart(one[i], other[i]) || apart(one[i+1], other[i+1]) || apart(one[i+2], other[i+2]) {
				differ++
			}
		}
	}
	return float64(differ) / float64(size.Dx()*size.Dy()), nil
}

func apart(a, b uint8) bool { return max(a, b)-min(a, b) > pixelTolerance }

func orElse(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

// readPicture reads a PNG, of a size that a screenshot may have.
func readPicture(data []byte) (*image.RGBA, error) {
	if len(data) > maxPicture {
		return nil, fmt.Errorf("it has %d bytes", len(data))
	}
	size, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	if size.Width <= 0 || size.Height <= 0 || size.Width > maxPixels/size.Height {
		return nil, fmt.Errorf("it has %d by %d pixels", size.Width, size.Height)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	picture := image.NewRGBA(image.Rect(0, 0, size.Width, size.Height))
	draw.Draw(picture, picture.Rect, decoded, decoded.Bounds().Min, draw.Src)
	return picture, nil
}
