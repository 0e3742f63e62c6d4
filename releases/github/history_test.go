package github

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/compare"
	"github.com/mage-os/nightly/releases/github/fake"
)

func TestHistory(t *testing.T) {
	server, repository, client := newFake(t)
	before := repository.Commit("Start")
	squashed := repository.Commit("Faster cart (#7)\n\nDetails, see #3")
	topic := repository.Commit("Typo", squashed)
	topic2 := repository.Commit("Typo again, see #3", topic)
	merge := repository.Commit("Merge pull request #8 from jane/typo", squashed, topic2)
	upstream := repository.Commit("Merge pull request #36687 from magento/x", merge)
	direct := repository.Commit("Direct, fixes #3", upstream)
	rebased := repository.Commit("Rebased", direct)
	repository.Pulls = []fake.Pull{{Number: 7, Merged: true}, {Number: 8, Merged: true}, {Number: 9, Merged: true}, {Number: 10}}
	for _, c := range repository.Commits {
		if c.ID == rebased {
			c.Pulls = []int{9, 10}
		}
	}
	pull := func(n string) []compare.PullRequest {
		return []compare.PullRequest{{Number: n, URL: "https://" + server.Host() + "/acme/shop/pull/" + n}}
	}
	none := []compare.PullRequest{}
	want := []compare.Commit{
		{ID: rebased, Parent: direct, At: fake.Committed, Subject: "Rebased", Author: "Jane Doe", PullRequests: pull("9")},
		{ID: direct, Parent: upstream, At: fake.Committed, Subject: "Direct, fixes #3", Author: "Jane Doe", PullRequests: none},
		{ID: upstream, Parent: merge, At: fake.Committed, Subject: "Merge pull request #36687 from magento/x", Author: "Jane Doe", PullRequests: []compare.PullRequest{{Number: "36687"}}},
		{ID: merge, Parent: squashed, Merged: []string{topic2}, At: fake.Committed, Subject: "Merge pull request #8 from jane/typo", Author: "Jane Doe", PullRequests: pull("8")},
		{ID: topic2, Parent: topic, At: fake.Committed, Subject: "Typo again, see #3", Author: "Jane Doe", PullRequests: pull("8")},
		{ID: topic, Parent: squashed, At: fake.Committed, Subject: "Typo", Author: "Jane Doe", PullRequests: pull("8")},
		{ID: squashed, Parent: before, At: fake.Committed, Subject: "Faster cart (#7)", Author: "Jane Doe", PullRequests: pull("7")},
	}
	got, err := NewHistory(client, nil).Between(context.Background(), server.Page("acme/shop.git"), before, rebased)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if n := len(server.Requests()); n != 4 { // compare, two look-ups, the highest number
		t.Errorf("%d requests, want 4", n)
	}
	want[0].PullRequests = none // without a token nothing is looked up
	got, err = NewHistory(clientOf(t, server, without), nil).Between(context.Background(), server.Page("acme/shop.git"), before, rebased)
	if diff := cmp.Diff(want, got); diff != "" || err != nil || len(server.Requests()) != 2 {
		t.Errorf("without a token: %v (-want +got):\n%s", err, diff)
	}
}

func TestHistoryPages(t *testing.T) {
	server, repository, client := newFake(t)
	first := repository.Commit("0")
	for i := range maxCommits {
		repository.Commit(fmt.Sprintf("%d (#%d)", i+1, i+1))
	}
	tip := repository.Branches["main"]
	got, err := NewHistory(client, nil).Between(context.Background(), server.Page("acme/shop"), first, tip)
	if err != nil || len(got) != maxCommits || got[0].Subject != "1000 (#1000)" || got[999].Subject != "1 (#1)" {
		t.Fatalf("%d commits, %v", len(got), err)
	}
	if n := len(server.Requests()); n != 11 {
		t.Errorf("%d requests, want 11", n)
	}
	_, err = NewHistory(client, nil).Between(context.Background(), server.Page("acme/shop"), first, repository.Commit("one more"))
	if err == nil || !strings.Contains(err.Error(), "1001 commits between, more than 1000") {
		t.Errorf("got %v", err)
	}
}

// elsewhere is a history of other hosts.
type elsewhere struct{ err error }

func (e elsewhere) Between(context.Context, string, string, string) ([]compare.Commit, error) {
	return []compare.Commit{{ID: "1"}}, e.err
}

func TestHistoryElsewhere(t *testing.T) {
	server, repository, client := newFake(t)
	commit := repository.Commit("0")
	gone := strings.Repeat("0", 40)
	for _, c := range []struct {
		name, url, before string
		otherwise         compare.History
		err               string
	}{
		{"another host", "https://gitlab.example/a/b.git", commit, elsewhere{}, ""},
		{"another host, no other way", "https://gitlab.example/a/b.git", commit, nil, "is no repository of this GitHub"},
		{"another host, and it fails", "https://gitlab.example/a/b.git", commit, elsewhere{errors.New("down")}, "down"},
		{"a commit that was pushed over", server.Page("acme/shop"), gone, elsewhere{}, ""},
		{"the same, and no other way", server.Page("acme/shop"), gone, nil, "compare 0000000000 with"},
		{"the same, and it fails too", server.Page("acme/shop"), gone, elsewhere{errors.New("down")}, "Not Found; correct the name, or give a token that may see it\ndown"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := NewHistory(client, c.otherwise).Between(context.Background(), c.url, c.before, commit)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("got %v", err)
			}
		})
	}
}
