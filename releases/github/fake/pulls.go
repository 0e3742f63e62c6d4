package fake

import (
	"net/http"
	"strconv"
	"time"
)

// A PullHead is where a pull request comes from, and when something was last pushed there.
type PullHead struct {
	Commit, Repository string
	Pushed             time.Time
}

// pull answers for one pull request.
func (r *Repository) pull(number string) answer {
	for _, p := range r.Pulls {
		if strconv.Itoa(p.Number) != number {
			continue
		}
		state := "open"
		if p.Closed || p.Merged {
			state = "closed"
		}
		return answer{status: http.StatusOK, body: map[string]any{
			"number": p.Number, "state": state,
			"head": map[string]any{"sha": p.Head.Commit, "repo": map[string]any{"full_name": p.Head.Repository, "pushed_at": p.Head.Pushed.Format(time.RFC3339)}},
		}}
	}
	return *notFound()
}

// permission answers what a user may do: nothing is "read", as with all that is public.
func (r *Repository) permission(user string) answer {
	may := r.Permissions[user]
	if may == "" {
		may = "read"
	}
	return answer{status: http.StatusOK, body: map[string]any{"permission": may, "user": map[string]any{"login": user}}}
}
