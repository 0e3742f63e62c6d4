package git

import (
	"fmt"
	"math/rand/v2"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/storage"
	"github.com/google/go-cmp/cmp"
)

// TestBetweenAsGit compares the commits between random pairs with what git knows, in a
// history with merges in which every fifth clock is up to an hour behind.
func TestBetweenAsGit(t *testing.T) {
	git, dir := tool(t, "git"), filepath.Join(t.TempDir(), "many")
	run(t, git, "init", "-q", "--bare", "-b", "main", dir)
	const commits = 400
	random := rand.New(rand.NewPCG(1, 2))
	var stream strings.Builder
	for i := range commits {
		at := 1700000000 + i*60
		if random.IntN(5) == 0 {
			at -= random.IntN(3600)
		}
		fmt.Fprintf(&stream, "commit refs/heads/c%d\nmark :%d\ncommitter Bot <bot@example.org> %d +0000\ndata %d\nc%d\n", i, i+1, at, 1+len(fmt.Sprint(i)), i)
		if i > 0 {
			fmt.Fprintf(&stream, "from :%d\n", max(1, i-random.IntN(4)))
		}
		if i > 9 && random.IntN(3) == 0 {
			fmt.Fprintf(&stream, "merge :%d\n", i-5-random.IntN(5))
		}
		stream.WriteString("\n")
	}
	cmd := exec.Command(git, "-C", dir, "fast-import", "--quiet")
	cmd.Stdin = strings.NewReader(stream.String())
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("fast-import: %v\n%s", err, out)
	}
	ids := strings.Fields(run(t, git, append([]string{"-C", dir, "rev-parse"}, names(commits)...)...))
	for range 60 {
		before, after := ids[random.IntN(commits)], ids[random.IntN(commits)]
		// Not before..after, which git answers wrongly where clocks are wrong.
		known := strings.Fields(run(t, git, "-C", dir, "rev-list", before))
		want := slices.DeleteFunc(strings.Fields(run(t, git, "-C", dir, "rev-list", after)), func(id string) bool { return slices.Contains(known, id) })
		found, err := NewHistory(Options{}).Between(t.Context(), "file://"+dir, before, after)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, c := range found {
			got = append(got, c.ID)
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("between %s and %s (-git +ours):\n%s", before, after, diff)
		}
	}
}

// TestBetweenReadsLittle asks for the newest commit of a long history: the rest of it
// is not read.
func TestBetweenReadsLittle(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "long")
	ids := grow(t, dir, 1200)
	repository, err := gogit.PlainOpen(dir)
	if err != nil {
		t.Fatal(err)
	}
	s := &counted{Storer: repository.Storer}
	found, err := between(t.Context(), s, ids[1198], ids[1199])
	if err != nil || len(found) != 1 {
		t.Fatalf("%d commits, want 1 (%v)", len(found), err)
	}
	if s.reads > slop+10 {
		t.Errorf("%d commits were read", s.reads)
	}
}

func names(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("refs/heads/c%d", i)
	}
	return list
}

// counted counts the objects that are read.
type counted struct {
	storage.Storer
	reads int
}

func (c *counted) EncodedObject(kind plumbing.ObjectType, id plumbing.Hash) (plumbing.EncodedObject, error) {
	c.reads++
	return c.Storer.EncodedObject(kind, id)
}
