package resolve

import (
	"strings"
	"testing"

	"github.com/mage-os/nightly/releases"
)

// A pull request is taken as its host merges it; one that has no merge is told from a branch that is not there.
func TestPullRequest(t *testing.T) {
	refs := []releases.Ref{{Name: "refs/heads/main", Commit: "1"}, {Name: "refs/pull/7/head", Commit: "2"}, {Name: "refs/pull/7/merge", Commit: "3"}, {Name: "refs/pull/8/head", Commit: "4"}}
	if ref, _, err := findRef(refs, "refs/pull/7/merge"); err != nil || ref.Commit != "3" {
		t.Errorf("%v, %v", ref, err)
	}
	if _, _, err := findRef(refs, "refs/pull/8/merge"); err == nil || !strings.Contains(err.Error(), "no merge of pull request 8: that conflicts") {
		t.Error(err)
	}
	if _, _, err := findRef(refs, "fix/merge"); err == nil || !strings.Contains(err.Error(), "no branch or tag") {
		t.Error(err)
	}
}
