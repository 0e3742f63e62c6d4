package github

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mage-os/nightly/releases/github/fake"
)

func TestIssue(t *testing.T) {
	server, repository, client := newFake(t)
	ctx := context.Background()
	for range 130 { // two pages of others
		repository.Issues = append(repository.Issues, &fake.Issue{Number: len(repository.Issues) + 1, State: "open", Title: "Other"})
	}
	stranger := &fake.Issue{Number: 131, State: "open", Body: "<!-- nightly: a -->", Author: fake.User{Type: "User", Association: "NONE"}}
	pull := &fake.Issue{Number: 132, State: "open", Body: "<!-- nightly: a -->", Pull: true, Author: server.User}
	repository.Issues = append(repository.Issues, stranger, pull)
	alarm := Alarm{Marker: "nightly: a", Title: "The nightly fails", Body: "first\n", Comment: "still", Labels: []string{"nightly"}}
	server.Break(fake.Fault{Method: "POST", Path: "/issues", Done: true}) // the answer is lost
	for i, body := range []string{"first\n", "first\n", "second"} {
		alarm.Body = body
		issue, err := client.RaiseIssue(ctx, shop, alarm)
		if err != nil || issue.Number != 133 || issue.Opened != (i == 0) {
			t.Fatalf("time %d: issue %+v, %v", i, issue, err)
		}
	}
	issue, closed, err := client.CloseIssue(ctx, shop, alarm.Marker, "It works again")
	if err != nil || !closed || issue.Number != 133 {
		t.Fatalf("closed %+v, %v, %v", issue, closed, err)
	}
	want := &fake.Issue{
		Number: 133, Title: "The nightly fails", Body: "second\n\n<!-- nightly: a -->", State: "closed", Labels: []string{"nightly"},
		Author: server.User, Comments: []string{"still", "It works again"},
	}
	if diff := cmp.Diff(want, repository.Issues[132]); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, closed, err := client.CloseIssue(ctx, shop, alarm.Marker, "again"); closed || err != nil {
		t.Errorf("closed twice: %v", err)
	}
	if issue, err := client.RaiseIssue(ctx, shop, alarm); err != nil || issue.Number != 134 {
		t.Errorf("raised again: %+v, %v", issue, err)
	}
	repository.NoIssues = true
	if _, err := client.RaiseIssue(ctx, shop, alarm); err == nil || !strings.Contains(err.Error(), "switched off") {
		t.Errorf("without issues: %v", err)
	}
	alarm.Marker = "a --> b"
	if _, err := client.RaiseIssue(ctx, shop, alarm); err == nil || !strings.Contains(err.Error(), "want one line") {
		t.Errorf("a bad marker: %v", err)
	}
}
