package checkout

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/go-git/go-git/v5"
	"github.com/mage-os/nightly/stages"
)

// realPins pins the heads of the repositories in NIGHTLY_SOURCES. The largest
// is borrowed by a repository of our own, so that it can have one more commit,
// which is the second result.
func realPins(b *testing.B) (pins []stages.Pin, next []stages.Pin) {
	b.Helper()
	folder := os.Getenv("NIGHTLY_SOURCES")
	if folder == "" {
		b.Skip("NIGHTLY_SOURCES, a folder of git repositories, is not set")
	}
	dirs, err := os.ReadDir(folder)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range dirs {
		dir := filepath.Join(folder, d.Name())
		r, err := git.PlainOpen(dir)
		if err != nil {
			continue // something else lies there
		}
		head, err := r.Head()
		if err != nil {
			b.Fatal(err)
		}
		id := head.Hash()
		changed := id
		if d.Name() == "magento2" {
			ours := newRepository(b, b.TempDir())
			if err := os.WriteFile(filepath.Join(ours.dir, "objects", "info", "alternates"), []byte(filepath.Join(dir, ".git", "objects")+"\n"), 0o666); err != nil {
				b.Fatal(err)
			}
			changed = change(b, r, ours, id, "0-changed.txt", "changed")
			dir = ours.dir
		}
		pin := stages.Pin{Name: d.Name(), URL: "file://" + dir, Ref: main, Commit: id.String(), Tag: "head", TagCommit: id.String()}
		pins = append(pins, pin)
		pin.Commit = changed.String()
		next = append(next, pin)
	}
	return pins, next
}

func BenchmarkReal(b *testing.B) {
	first, next := realPins(b)
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			checkOut(b, newBench(b), first)
		}
	})
	b.Run("next night with one changed file", func(b *testing.B) { benchNext(b, first, next) })
}

// BenchmarkGenerated is the same on a made-up repository of loose objects.
func BenchmarkGenerated(b *testing.B) {
	r := newRepository(b, b.TempDir())
	id := r.commit(main, r.tree(generated(5000)))
	pin := stages.Pin{Name: "generated", URL: "file://" + r.dir, Ref: main, Commit: id.String()}
	changed := pin
	changed.Commit = change(b, r.Repository, r, id, "0-changed.txt", "changed").String()
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			checkOut(b, newBench(b), []stages.Pin{pin})
		}
	})
	b.Run("next night with one changed file", func(b *testing.B) { benchNext(b, []stages.Pin{pin}, []stages.Pin{changed}) })
}

func newBench(b *testing.B) Options {
	s := openStore(b)
	return Options{Store: s, Cache: s.Cache("git"), Dir: b.TempDir()}
}

func checkOut(b *testing.B, o Options, pins []stages.Pin) stages.Sources {
	out, err := Stage(o).Run(b.Context(), stages.Checkout{Pins: pins})
	if err != nil {
		b.Fatal(err)
	}
	return out
}

func benchNext(b *testing.B, first, next []stages.Pin) {
	for b.Loop() {
		b.StopTimer()
		o := newBench(b)
		before := checkOut(b, o, first)
		b.StartTimer()
		after := checkOut(b, o, next)
		b.StopTimer()
		if got, want := after.Summary(), before.Summary(); got == want {
			b.Fatal(fmt.Errorf("the changed file is not there: %s", got))
		}
		b.StartTimer()
	}
}
