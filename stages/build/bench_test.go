package build

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/klauspost/compress/flate"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

// BenchmarkPack packs all of a folder of git repositories with two workers, for
// the first time (cold) and for the next night: every version is new, and one
// package changed. The metric "ratio" compares with git archive | gzip -1 of
// the same repositories, two at a time, which runs before each; "stored-MB" is
// what of the dists' size no compression made smaller; "cpu-s" is the processor
// time of one packing and "peak-MiB" the memory of the whole benchmark so far.
func BenchmarkPack(b *testing.B) {
	sizes := []int{5_000, 50_000}
	if testing.Short() {
		sizes = []int{1_000}
	}
	for _, n := range sizes {
		b.Run(fmt.Sprintf("generated-%d", n), func(b *testing.B) { benchmarkFolder(b, generate(b, n)) })
	}
	b.Run("sources", func(b *testing.B) { benchmarkFolder(b, sources(b)) })
}

func benchmarkFolder(b *testing.B, dir string) {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	packings := load(b, s, dir)
	snapshot := 0
	run := func(b *testing.B, cache func() pipeline.Cache, change bool) {
		var beside, here, cpu time.Duration
		var dists []packed
		for b.Loop() {
			b.StopTimer()
			snapshot++
			version := fmt.Sprintf("1.0.%d", snapshot)
			if change {
				changeOne(b, s, packings, version)
			}
			start := time.Now()
			yardstick(b, dir)
			beside += time.Since(start)
			p := &packer{store: s, cache: cache(), workers: 2}
			all := release(packings, version)
			start = time.Now()
			used := processor(b)
			b.StartTimer()
			dists, err = p.pack(context.Background(), all)
			here += time.Since(start)
			cpu += processor(b) - used
			if err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(here.Seconds()/beside.Seconds(), "ratio")
		b.ReportMetric(cpu.Seconds()/float64(b.N), "cpu-s")
		report(b, s, dists)
	}
	b.Run("cold", func(b *testing.B) {
		run(b, func() pipeline.Cache { return s.Cache(fmt.Sprintf("cold-%d", snapshot)) }, false)
	})
	b.Run("next-night", func(b *testing.B) {
		cache := s.Cache("warm")
		if _, err := (&packer{store: s, cache: cache, workers: 2}).pack(context.Background(), release(packings, "1.0.0")); err != nil {
			b.Fatal(err)
		}
		run(b, func() pipeline.Cache { return cache }, true)
	})
}

// changeOne changes a file of one package.
func changeOne(tb testing.TB, s pipeline.Store, packings []packing, text string) {
	tb.Helper()
	digest, size, err := s.Add(context.Background(), strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	i := slices.IndexFunc(packings, func(p packing) bool { return len(p.Files) > 20 })
	files := slices.Clone(packings[i].Files)
	files[0].Digest, files[0].Size = digest, size
	packings[i].Files = files
}

func report(b *testing.B, s pipeline.Store, dists []packed) {
	b.Helper()
	var size, stored int64
	for _, d := range dists {
		size += d.File.Size
		for _, f := range readZip(b, s, d).File {
			if f.Method == methodStore {
				stored += int64(f.CompressedSize64)
			}
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
	b.ReportMetric(float64(stored)/1e6, "stored-MB")
	b.ReportMetric(float64(usage(b).Maxrss)/1024, "peak-MiB")
}

func processor(b *testing.B) time.Duration {
	u := usage(b)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func usage(b *testing.B) syscall.Rusage {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u
}

// BenchmarkPackLevels compresses the files of NIGHTLY_SOURCES at each level that
// may come into question, on one processor.
func BenchmarkPackLevels(b *testing.B) {
	dir := sources(b)
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	packings := load(b, s, dir)
	for l := 1; l <= 9; l++ {
		b.Run(fmt.Sprint(l), func(b *testing.B) {
			df := newDeflater(s)
			if df.w, err = flate.NewWriter(nil, l); err != nil {
				b.Fatal(err)
			}
			var size int64
			for b.Loop() {
				size = compressAll(b, df, packings)
			}
			b.ReportMetric(float64(size)/1e6, "MB")
		})
	}
}

// compressAll gives the packed size of all files but the few large ones.
func compressAll(b *testing.B, df *deflater, packings []packing) (size int64) {
	for _, p := range packings {
		for _, f := range p.Files {
			e := &entry{path: f.Path, size: f.Size, digest: f.Digest}
			if f.Size > streamSize {
				continue
			}
			if err := df.read(context.Background(), p, e); err != nil {
				b.Fatal(err)
			}
			if _, err := df.entry(e); err != nil {
				b.Fatal(err)
			}
			size += e.packed
		}
	}
	return size
}
