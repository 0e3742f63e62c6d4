package history

import (
	"bytes"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages/publish/target"
)

// shot is a screenshot with a box of so many rows in it, on a ground.
func shot(t *testing.T, ground color.Gray, rows int) []byte {
	t.Helper()
	picture := image.NewGray(image.Rect(0, 0, 100, 100))
	draw.Draw(picture, picture.Rect, image.NewUniform(ground), image.Point{}, draw.Src)
	draw.Draw(picture, image.Rect(0, 0, 100, rows), image.NewUniform(color.Gray{}), image.Point{}, draw.Src)
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A page that looks otherwise is told with both of its pictures; a shade more or less is not.
func TestCompare(t *testing.T) {
	dir := t.TempDir()
	with := func(days int, home, product []byte) Entry {
		e := night(days, "")
		e.Cells = []Cell{{Name: "php8.4", State: pipeline.Done, Screenshots: []string{"php8.4/screenshots/home-page.png", "php8.4/screenshots/product.png"}}}
		e.Files = map[string][]byte{"php8.4/screenshots/home-page.png": home, "php8.4/screenshots/product.png": product}
		return e
	}
	add(t, dir, began, with(0, shot(t, color.Gray{Y: 200}, 10), shot(t, color.Gray{Y: 200}, 10)))
	bad := night(1, "build")
	add(t, dir, began, bad)
	folder, err := target.Open(t.Context(), dir, target.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := Open(t.Context(), folder, began)
	if err != nil {
		t.Fatal(err)
	}
	e := with(2, shot(t, color.Gray{Y: 210}, 10), shot(t, color.Gray{Y: 200}, 35))
	if err := b.Compare(t.Context(), folder, &e); err != nil {
		t.Fatal(err)
	}
	found := e.Cells[0].Otherwise
	if len(found) != 1 || found[0].Page != "product" || found[0].Share != 0.25 || found[0].BeforeDay != "2026-11-29" {
		t.Fatalf("it looks otherwise: %+v", found)
	}
	if err := b.Add(e, Cleaner(nil)); err != nil {
		t.Fatal(err)
	}
	tries := b.Tries()
	got := tries[len(tries)-1].Cells[0].Otherwise[0]
	if got.Before != tries[0].Dir()+"/php8.4/screenshots/product.png" || got.After != tries[len(tries)-1].Dir()+"/php8.4/screenshots/product.png" {
		t.Errorf("the pictures lie at %s and %s", got.Before, got.After)
	}
	if share, err := differing([]byte("no picture"), e.Files["php8.4/screenshots/product.png"]); err == nil {
		t.Errorf("what is no picture differs by %f", share)
	}
}
