package fake

import "net/http"

// An Organization is what GraphQL tells.
type Organization struct{}

func (g *GitHub) graphql(*http.Request) answer { return *notFound() }
