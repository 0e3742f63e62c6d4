package checkout

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// A pointer of Git LFS is replaced by its object, checked, or named if that is not to be
// had. Where no attribute says so it is a file like any other.
func TestLFS(t *testing.T) {
	large, absent := strings.Repeat("large", 1000), "nobody has it"
	pointTo := func(content string) string {
		return fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", pipeline.DigestOf([]byte(content)), len(content))
	}
	dir := filepath.Join(t.TempDir(), "r.git")
	keep := func(content, as string) {
		t.Helper()
		oid := string(pipeline.DigestOf([]byte(as)))
		file := filepath.Join(dir, "lfs", "objects", oid[:2], oid[2:4], oid)
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r := newRepository(t, dir)
	files := []line{
		regular(".gitattributes", "*.bin filter=lfs diff=lfs -text\n"), regular("docs/.gitattributes", "*.bin -filter\n"),
		regular("a.bin", pointTo(large)), regular("b/a.bin", pointTo(large)), regular("small.bin", "no pointer"),
		regular("docs/a.bin", pointTo(large)), regular("a.txt", pointTo(absent)),
	}
	commit := r.commit(main, r.tree(files))
	pin := stages.Pin{Name: "sample", URL: "file://" + dir, Ref: main, Commit: commit.String()}
	s := openStore(t)
	o := Options{Store: s, Cache: s.Cache("git"), Dir: t.TempDir()}
	run := func() (map[string]string, error) {
		out, err := Stage(o).Run(t.Context(), stages.Checkout{Pins: []stages.Pin{pin}})
		if err != nil {
			return nil, err
		}
		return filesOf(t, s, out.Repositories[0].Head), nil
	}
	var content *ContentError
	if _, err := run(); !errors.As(err, &content) || !strings.Contains(err.Error(), "2 files of Git LFS are not to be had (a.bin, b/a.bin)") {
		t.Errorf("without the object: %v", err)
	}
	keep(strings.Repeat("LARGE", 1000), large)
	if _, err := run(); err == nil || !strings.Contains(err.Error(), "is not what was sent") {
		t.Errorf("with another object: %v", err)
	}
	keep(large, large)
	want := map[string]string{
		"100644 .gitattributes": files[0].content, "100644 docs/.gitattributes": files[1].content, "100644 a.bin": large, "100644 b/a.bin": large,
		"100644 small.bin": "no pointer", "100644 docs/a.bin": pointTo(large), "100644 a.txt": pointTo(absent),
	}
	for range 2 { // the second time from the cache
		got, err := run()
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(err, diff)
		}
	}
	// The next commit reads what the listing of the last one knows.
	pin.Commit = r.commit(main, r.tree(append(files, regular("new.bin", pointTo(large)))), commit).String()
	want["100644 new.bin"] = large
	got, err := run()
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Error(err, diff)
	}
}
