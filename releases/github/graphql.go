package github

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"
)

// A graphError is one error within an answer of GitHub's GraphQL API. The rest of
// the answer is good.
type graphError struct {
	Type    string // FORBIDDEN, NOT_FOUND, …
	Path    []any
	Message string
}

// query asks GraphQL. What the token may not see is null in the answer, and among
// the errors that are returned; err is a failure of the whole. Names are matched whatever
// their case and without dashes, so that a query can give fields the names of the list.
func (c *Client) query(ctx context.Context, text string, variables map[string]any, into any) ([]graphError, error) {
	request, err := c.rest.NewRequest(http.MethodPost, c.graphURL(), map[string]any{"query": text, "variables": variables})
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []graphError
	}
	if _, err := c.rest.Do(ctx, request, &answer); err != nil {
		return nil, err
	}
	for _, e := range answer.Errors {
		if len(e.Path) == 0 {
			return nil, fmt.Errorf("GitHub's GraphQL API: %s", e.Message)
		}
	}
	if err := jsonv2.Unmarshal(answer.Data, into, jsonv2.MatchCaseInsensitiveNames(true)); err != nil {
		return nil, fmt.Errorf("GitHub's GraphQL API: %w", err)
	}
	return answer.Errors, nil
}

// graphURL is where GraphQL is: beside REST, but for an Enterprise Server.
func (c *Client) graphURL() string {
	u := *c.rest.BaseURL
	u.Path = strings.TrimSuffix(u.Path, "v3/") + "graphql"
	return u.String()
}
