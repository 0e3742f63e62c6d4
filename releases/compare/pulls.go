package compare

import (
	"regexp"
	"slices"
	"strings"
)

var pullRequestNumber = regexp.MustCompile(`#([1-9][0-9]{0,8})\b`)

// pullRequests finds the numbers that a subject names.
func pullRequests(subject, repository string) []PullRequest {
	found := []PullRequest{}
	web := WebURL(repository)
	for _, match := range pullRequestNumber.FindAllStringSubmatch(subject, -1) {
		request := PullRequest{Number: match[1]}
		if strings.HasPrefix(web, "https://github.com/") {
			request.URL = web + "/pull/" + match[1]
		}
		if !slices.Contains(found, request) {
			found = append(found, request)
		}
	}
	return found
}

// mergeSubject is what GitHub itself writes into the subject of a merge.
var mergeSubject = regexp.MustCompile(`^Merge pull request #([1-9][0-9]{0,8})\b`)

// MergedBy gives each commit that the merge of a pull request brought in, and that merge, the number of the request.
// Commits come newest first; the innermost merge has its say first.
func MergedBy(commits []Commit) map[string]string {
	known := byName(commits, func(c Commit) string { return c.ID })
	of := map[string]string{}
	for _, c := range slices.Backward(commits) {
		match := mergeSubject.FindStringSubmatch(c.Subject)
		if match == nil {
			continue
		}
		of[c.ID] = match[1]
		if len(c.Merged) == 0 {
			continue
		}
		main := ancestors(known, c.Parent)
		for id := range ancestors(known, c.Merged...) {
			if !main[id] && of[id] == "" {
				of[id] = match[1]
			}
		}
	}
	return of
}

// ancestors are those of known commits from which others descend, and those themselves.
func ancestors(known map[string]Commit, from ...string) map[string]bool {
	found := map[string]bool{}
	for next := from; len(next) > 0; {
		id := next[len(next)-1]
		next = next[:len(next)-1]
		if c, ok := known[id]; ok && !found[id] {
			found[id] = true
			next = append(append(next[:len(next):len(next)], c.Parent), c.Merged...)
		}
	}
	return found
}

// Page is a commit's pull request on the web, or the commit itself; empty where neither is known.
func Page(repository string, c Commit) string {
	for _, pull := range c.PullRequests {
		if pull.URL != "" {
			return pull.URL
		}
	}
	if web := WebURL(repository); web != "" && c.ID != "" {
		return web + "/commit/" + c.ID
	}
	return ""
}
