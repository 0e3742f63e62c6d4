package fake

import (
	"crypto/rsa"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// An App is an installed GitHub App: who may get tokens of which rights.
type App struct {
	ID     string
	Key    *rsa.PublicKey
	Rights map[string]string
}

// installationToken gives a token for an hour to who signs as the App.
func (g *GitHub) installationToken(r *http.Request, parts []string) answer {
	id, _ := strconv.ParseInt(parts[2], 10, 64)
	app, ok := g.Apps[id]
	if !ok {
		return *notFound()
	}
	claims := &jwt.RegisteredClaims{}
	_, err := jwt.ParseWithClaims(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), claims,
		func(*jwt.Token) (any, error) { return app.Key, nil },
		jwt.WithIssuer(app.ID), jwt.WithTimeFunc(func() time.Time { return g.now }), jwt.WithIssuedAt(), jwt.WithExpirationRequired())
	if err != nil || claims.ExpiresAt.Sub(claims.IssuedAt.Time) > 10*time.Minute {
		return answer{status: http.StatusUnauthorized, body: message("A JSON web token could not be decoded")}
	}
	for old := range g.Tokens { // the one before is no longer used here
		if strings.HasPrefix(old, "installation-") {
			delete(g.Tokens, old)
		}
	}
	token := fmt.Sprintf("installation-%d", g.id())
	g.Tokens[token] = app.Rights
	return answer{status: http.StatusCreated, body: map[string]any{"token": token, "expires_at": g.now.Add(time.Hour).Format(time.RFC3339)}}
}
