package resolve

import (
	"math/rand"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Releases in Adobe's order, lowest first.
var adobeOrder = []string{
	"2.4.7-p1.2", "2.4.8-beta1", "2.4.8", "2.4.8-p1", "2.4.8-p2", "2.4.8-p10", "2.4.9-alpha1", "2.4.9-beta1", "2.4.9", "31", "40",
}

func TestLatestTagIsInAdobesOrder(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	for n := range adobeOrder {
		tags := slices.Clone(adobeOrder[:n+1])
		random.Shuffle(len(tags), func(i, j int) { tags[i], tags[j] = tags[j], tags[i] })
		if got, notes := latestTag(tags, filter{}); got != adobeOrder[n] || notes != nil {
			t.Errorf("latestTag(%q) = %q with notes %q, want %q", tags, got, notes, adobeOrder[n])
		}
	}
}

func TestLatestTag(t *testing.T) {
	cases := []struct {
		name       string
		tags, skip []string
		within     string
		want       string
		notes      []string
	}{
		{name: "none"},
		{name: "each number of a patch counts", tags: []string{"2.4.7-p1.9", "2.4.7-p1.10"}, want: "2.4.7-p1.10"},
		{name: "three numbers in a patch", tags: []string{"2.4.8-p1.2.3", "2.4.8-p1.2"}, want: "2.4.8-p1.2.3"},
		{name: "prereleases count", tags: []string{"1.0.0", "1.1.0-beta2", "1.1.0-beta10"}, want: "1.1.0-beta10"},
		{name: "the same version twice", tags: []string{"1.0.0", "1.0"}, want: "1.0.0"},
		{
			name: "v tags skipped", tags: []string{"0.1.2", "v1.0"}, skip: []string{"v*"}, want: "0.1.2",
			notes: []string{"tags left out because they match skip-tags v*: v1.0"},
		},
		{name: "v tags", tags: []string{"v1.9.0", "V1.2.0", "v1.10.0"}, want: "v1.10.0"},
		{name: "a v is no version", tags: []string{"1.0", "v"}, want: "1.0",
			notes: []string{"tags left out because they are no version of a release: v"}},
		{
			name: "no versions", tags: []string{"1.0", "develop", "dev-main", "2.x-dev", "master", "2.4.8-p1-beta2", "1.2.3.4.5"}, want: "1.0",
			notes: []string{"tags left out because they are no version of a release: 1.2.3.4.5, 2.4.8-p1-beta2, 2.x-dev, dev-main, develop, master"},
		},
		{
			name: "skipped", tags: []string{"1.0", "9.9.9", "100.1"}, skip: []string{"9.*", "100*"}, want: "1.0",
			notes: []string{"tags left out because they match skip-tags 100*: 100.1", "tags left out because they match skip-tags 9.*: 9.9.9"},
		},
		{
			name: "bounded", tags: strings.Fields("2.0.9 2.0.18 2.0.18-p1 2.1.0-beta1 2.1.1"), within: "2.0.*", want: "2.0.18-p1",
			notes: []string{"tags left out because they do not meet tags 2.0.*: 2.1.0-beta1, 2.1.1"},
		},
		{
			name: "many", tags: strings.Fields("x1 x2 x3 x4 x5 x6 x7 x8 x9"),
			notes: []string{"tags left out because they are no version of a release: x1, x2, x3, x4, x5, x6, x7, x8 and 1 more"},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, notes := latestTag(c.tags, newFilter(c.skip, c.within))
			if got != c.want {
				t.Errorf("tag %q, want %q", got, c.want)
			}
			if diff := cmp.Diff(c.notes, notes); diff != "" {
				t.Errorf("notes (-want +got):\n%s", diff)
			}
		})
	}
}
