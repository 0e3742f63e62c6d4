package publish

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/trust"
	"github.com/mage-os/nightly/stages/trust/trusttest"
)

// codeSize is how much code each module of the benchmark has, in bytes. It is
// hexadecimal noise, so that zips have about the size that they have of Magento Open
// Source 2.4.7-p3: 357 of 204 kB on average.
const codeSize = 360 << 10

// BenchmarkPublish adds the thirtieth night of 400 packages to a repository that
// keeps 14, beside the second night to one that has one, and publishes the same night
// again. "times-second" is the ratio of the first two; they take turns, since a file
// system takes longer to make files while it remembers what was removed.
func BenchmarkPublish(b *testing.B) {
	if *thirtySigned {
		benchTrust = trusttest.Authority(b, testURL)
	}
	first, many := filepath.Join(b.TempDir(), "first"), filepath.Join(b.TempDir(), "many")
	benchSnapshot(b, 1)(first)
	for day := 1; day < 30; day++ {
		benchSnapshot(b, day)(many)
	}
	b.Run("thirtieth night", func(b *testing.B) {
		second, thirtieth := benchSnapshot(b, 2), benchSnapshot(b, 30)
		var beside time.Duration
		for b.Loop() {
			b.StopTimer()
			to := linkTree(b, first)
			began := time.Now()
			second(to)
			beside += time.Since(began)
			to = linkTree(b, many)
			b.StartTimer()
			thirtieth(to)
		}
		b.ReportMetric(float64(b.Elapsed())/float64(beside), "times-second")
	})
	b.Run("same night", func(b *testing.B) {
		same := benchSnapshot(b, 29)
		for b.Loop() {
			same(many)
		}
	})
}

// benchTrust signs in the benchmark, with -signed.
var benchTrust *trust.Authority

// benchSnapshot builds a night and gives what publishes it to a folder.
func benchSnapshot(b *testing.B, day int) func(dir string) {
	b.Helper()
	store := newMemory()
	snapshot := sample{name: releases.SnapshotName(fmt.Sprintf("2026-11-%02d", day)), modules: 398, change: fmt.Sprint(day), size: codeSize}.build(b, store)
	o := options(b, store, snapshot.Name)
	o.Trust = benchTrust
	return func(dir string) {
		if _, err := Stage(o).Run(b.Context(), stages.PublishRequest{Snapshot: snapshot, To: dir}); err != nil {
			b.Fatal(err)
		}
	}
}

// linkTree makes the same files under another folder, which stays until the end of
// the benchmark. Publishing replaces files and never writes into one, so that both
// folders can share them.
func linkTree(b *testing.B, from string) (to string) {
	b.Helper()
	to, err := os.MkdirTemp(filepath.Dir(from), "repository-")
	if err != nil {
		b.Fatal(err)
	}
	err = filepath.WalkDir(from, func(file string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, file)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(to, name), 0o755)
		}
		return os.Link(file, filepath.Join(to, name))
	})
	if err != nil {
		b.Fatal(err)
	}
	syscall.Sync() // else the next flush waits for this
	return to
}
