package fake

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// refused is the answer to a request that is not let in: because of a limit, a bad
// token, or a right that is missing.
func (g *GitHub) refused(r *http.Request, path string) *answer {
	if a := g.limited(r, path); a != nil {
		return a
	}
	token, given := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	rights, known := g.Tokens[token]
	app := strings.HasPrefix(path, "/app/")
	if given && !known && !app {
		return &answer{status: http.StatusUnauthorized, body: message("Bad credentials")}
	}
	if path == "/graphql" {
		if !given {
			return &answer{status: http.StatusUnauthorized, body: message("This endpoint requires you to be authenticated.")}
		}
		return nil
	}
	repository := g.repositoryOf(path)
	if repository != nil && repository.Private && !given {
		return notFound()
	}
	if isWrite(r) && !app {
		need := rightFor(repository, path)
		switch {
		case !given:
			return &answer{status: http.StatusUnauthorized, body: message("Requires authentication")}
		case rights[need] != "write":
			return &answer{
				status: http.StatusForbidden, body: message("Resource not accessible by personal access token"),
				header: map[string]string{"X-Accepted-GitHub-Permissions": need + "=write"},
			}
		}
	}
	return nil
}

// limited counts the request.
func (g *GitHub) limited(r *http.Request, path string) *answer {
	if g.now.Sub(g.hour) >= time.Hour {
		g.hour, g.used = g.now, 0
	}
	if g.Allowed > 0 && g.used >= g.Allowed {
		return &answer{status: http.StatusForbidden, body: message("API rate limit exceeded for user ID 1.")}
	}
	g.used++
	if !isWrite(r) || path == "/graphql" || !g.OneWriteASecond {
		return nil
	}
	if g.now.Sub(g.lastWrite) < time.Second {
		return &answer{
			status: http.StatusForbidden, header: map[string]string{"Retry-After": "60"},
			body: message("You have exceeded a secondary rate limit. Please wait a few minutes before you try again."),
		}
	}
	g.lastWrite = g.now
	return nil
}

func isWrite(r *http.Request) bool {
	return !slices.Contains([]string{http.MethodGet, http.MethodHead}, r.Method)
}

// rightFor is the right that a write needs.
func rightFor(repository *Repository, path string) string {
	parts := strings.Split(path, "/") // "", repos, owner, name, issues, number, comments
	if repository != nil && len(parts) == 7 && slices.ContainsFunc(repository.Issues, func(i *Issue) bool { return i.Pull && strconv.Itoa(i.Number) == parts[5] }) {
		return "pull_requests"
	}
	if strings.Contains(path, "/issues") {
		return "issues"
	}
	return "contents"
}

func (g *GitHub) repositoryOf(path string) *Repository {
	parts := strings.Split(path, "/") // "", repos, owner, name
	if len(parts) < 4 || parts[1] != "repos" {
		return nil
	}
	return g.Repositories[parts[2]+"/"+parts[3]]
}

// route finds what a path means.
func (g *GitHub) route(r *http.Request, path string) answer {
	parts := strings.Split(strings.TrimPrefix(path, "/"), "/")
	switch {
	case path == "/graphql":
		return g.graphql(r)
	case parts[0] == "app":
		return g.installationToken(r, parts)
	case parts[0] == "orgs" && g.Organization != nil && strings.EqualFold(parts[1], g.Organization.Login):
		return answer{status: http.StatusOK, body: g.Organization.settings()}
	}
	repository := g.repositoryOf(path)
	if repository == nil {
		return *notFound()
	}
	rest := parts[3:]
	if len(rest) == 0 {
		return *notFound()
	}
	switch rest[0] {
	case "releases":
		return g.releases(r, repository, rest[1:])
	case "issues":
		return g.issues(r, repository, rest[1:])
	case "collaborators":
		return repository.permission(rest[1])
	case "pulls":
		if len(rest) == 2 {
			return repository.pull(rest[1])
		}
		return g.pulls(r, repository)
	case "commits":
		return g.commits(r, repository, rest[1:])
	case "compare":
		return g.compare(r, repository, strings.Join(rest[1:], "/"))
	}
	return *notFound()
}

func message(text string) map[string]any {
	return map[string]any{"message": text, "documentation_url": "https://docs.github.com/rest"}
}

func notFound() *answer { return &answer{status: http.StatusNotFound, body: message("Not Found")} }

// invalid is GitHub's answer to a request that it understands and refuses.
func invalid(resource, field, code string) answer {
	body := message("Validation Failed")
	body["errors"] = []map[string]string{{"resource": resource, "field": field, "code": code}}
	return answer{status: http.StatusUnprocessableEntity, body: body}
}

// page answers with one page of a list.
func page[T any](r *http.Request, all []T) answer {
	part, next := cutPage(r, all)
	a := answer{status: http.StatusOK, body: part}
	if next > 0 {
		u := *r.URL
		u.Host, u.Scheme = r.Host, "http"
		query := u.Query()
		query.Set("page", strconv.Itoa(next))
		u.RawQuery = query.Encode()
		a.header = map[string]string{"Link": "<" + u.String() + `>; rel="next"`}
	}
	return a
}

// cutPage gives the page that is asked for, and the number of the next; 0: none.
func cutPage[T any](r *http.Request, all []T) (part []T, next int) {
	number := func(key string, otherwise int) int {
		if n, err := strconv.Atoi(r.URL.Query().Get(key)); err == nil && n > 0 {
			return n
		}
		return otherwise
	}
	size, at := min(number("per_page", 30), 100), number("page", 1)
	from := min((at-1)*size, len(all))
	to := min(from+size, len(all))
	if to < len(all) {
		next = at + 1
	}
	return append([]T{}, all[from:to]...), next
}
