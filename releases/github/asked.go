package github

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	api "github.com/google/go-github/v84/github"
)

// What an event of a pull request asks for.
const (
	AskedNothing = ""
	AskedBuild   = "build"  // a preview of its head
	AskedRemove  = "remove" // of its preview: it was closed
	AskedRefused = "refused"
)

// Asked is the request that an event makes.
type Asked struct {
	Do         string // AskedBuild, …
	Repository Repository
	Number     int
	Head       string // commit to build
	Why        string // it is refused, for who asked
}

// Pull is the pull request as mageos-nightly try takes it, of a GitHub whose pages are at a URL.
func (a Asked) Pull(server string) string {
	return fmt.Sprintf("%s/%s/pull/%d@%s", strings.TrimRight(server, "/"), a.Repository, a.Number, a.Head)
}

// An askEvent is what is read of an event: of issue_comment and pull_request_target.
type askEvent struct {
	Action     string
	Repository struct {
		FullName string `json:"full_name"`
	}
	Sender struct{ Login string }
	Label  struct{ Name string }
	Issue  struct {
		Number int
		Pull   *struct{} `json:"pull_request"`
	}
	Comment *struct {
		Body    string
		Created time.Time `json:"created_at"`
		User    struct{ Login string }
	}
	Pull *struct {
		Number int
		Head   struct{ SHA string }
	} `json:"pull_request"`
}

// askComment is a comment that asks for a preview, perhaps of a commit.
var askComment = regexp.MustCompile(`^/try(?:[ \t]+([0-9a-f]{10,40}))?[ \t]*(?:\r?\n|$)`)

// Asked reads an event, and says what it asks for: a comment "/try" or "/try COMMIT", or a
// label of that name. Only who may write to the repository may ask, and the head is fixed at the time of
// asking: what was pushed after it has to be asked for again. It may be called again later:
// then it says whether that is still so.
func (c *Client) Asked(ctx context.Context, event []byte, label string) (Asked, error) {
	var e askEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return Asked{}, fmt.Errorf("read the event: %w", err)
	}
	owner, name, _ := strings.Cut(e.Repository.FullName, "/")
	a := Asked{Repository: Repository{Owner: owner, Name: name}}
	who, head, after := e.Sender.Login, "", time.Time{}
	switch {
	case e.Pull != nil && e.Action == "closed":
		a.Do, a.Number = AskedRemove, e.Pull.Number
		return a, nil
	case e.Pull != nil && e.Action == "labeled" && e.Label.Name == label:
		a.Number, head = e.Pull.Number, e.Pull.Head.SHA
	case e.Comment != nil && e.Action == "created" && e.Issue.Pull != nil && askComment.MatchString(e.Comment.Body):
		a.Number, who, after = e.Issue.Number, e.Comment.User.Login, e.Comment.Created
		head = askComment.FindStringSubmatch(e.Comment.Body)[1]
	default:
		return Asked{}, nil
	}
	pull, err := c.mayAsk(ctx, &a, who)
	if err != nil || a.Why != "" {
		return a, err
	}
	a.Do, a.Head = AskedBuild, pull.GetHead().GetSHA()
	pushed := pull.GetHead().GetRepo().GetPushedAt()
	switch {
	case head != "" && !strings.HasPrefix(a.Head, head):
		a.refuse("its head is %.10s, and %.10s was asked for. Look at what was pushed since, and ask again.", a.Head, head)
	case head == "" && !pushed.Before(after): // commits say themselves when they were made; this is GitHub's own time
		a.refuse("something was pushed to %s at %s, after the comment. Look at %.10s, and say `/try %.10s`.", pull.GetHead().GetRepo().GetFullName(), pushed.UTC().Format(time.RFC3339), a.Head, a.Head)
	}
	return a, nil
}

func (a *Asked) refuse(format string, args ...any) {
	a.Do, a.Head, a.Why = AskedRefused, "", fmt.Sprintf(format, args...)
}

// mayAsk gives the pull request, and refuses who may not ask for it, or one that is closed.
func (c *Client) mayAsk(ctx context.Context, a *Asked, who string) (*api.PullRequest, error) {
	permission, _, err := c.rest.Repositories.GetPermissionLevel(ctx, a.Repository.Owner, a.Repository.Name, who)
	if err != nil {
		return nil, explain(err, "look what %s may do in %s", who, a.Repository)
	}
	if !slices.Contains([]string{"admin", "write"}, permission.GetPermission()) {
		a.refuse("only who may write to %s may ask for a preview.", a.Repository)
		return nil, nil
	}
	pull, _, err := c.rest.PullRequests.Get(ctx, a.Repository.Owner, a.Repository.Name, a.Number)
	if err == nil && pull.GetState() != "open" {
		a.refuse("it is %s.", pull.GetState())
	}
	return pull, explain(err, "read pull request %d of %s", a.Number, a.Repository)
}

// Comment says something under a pull request or an issue, unless it is the last that was said.
func (c *Client) Comment(ctx context.Context, r Repository, number int, text string) error {
	return explain(c.comment(ctx, r, number, text), "comment %s#%d", r, number)
}
