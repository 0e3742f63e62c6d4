package checkout

import (
	"bytes"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/pipeline"
)

func TestListing(t *testing.T) {
	want := listing{tree: pipeline.Tree{Digest: pipeline.DigestOf(nil), Files: 2, Size: 7}, blobs: map[plumbing.Hash]stored{
		plumbing.NewHash("1111111111111111111111111111111111111111"): {pipeline.DigestOf([]byte("one")), 3},
		plumbing.NewHash("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"): {pipeline.DigestOf([]byte("four")), 4},
	}}
	data, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseListing(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(listing{}, stored{})); diff != "" {
		t.Errorf("read again (-want +got):\n%s", diff)
	}
	first, rest, _ := strings.Cut(string(data), "\n")
	line, _, _ := strings.Cut(rest, "\n")
	for name, text := range map[string]string{
		"empty":            "",
		"no tree":          "{\n" + line,
		"a line cut off":   first + "\n" + line[:50],
		"without its size": first + "\n" + line[:106],
		"a bad id":         first + "\nx" + line[1:],
		"a bad digest":     first + "\n" + line[:41] + "X" + line[42:],
		"a size of words":  first + "\n" + line[:106] + "many",
		"more behind it":   first + "\n" + line + " 5",
	} {
		if _, err := parseListing(strings.NewReader(text)); err == nil {
			t.Errorf("%s: taken for a listing", name)
		}
	}
}
