package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	api "github.com/google/go-github/v84/github"

	"github.com/mage-os/nightly/pipeline/remote"
)

// An App is an installed GitHub App as whom the client works. It gets an
// installation token, which is valid for an hour, and a new one before that ends.
type App struct {
	// ID is the App's client id, or its number.
	ID string
	// Installation is the number of its installation in the organization.
	Installation int64
	// Key is the App's private key, PEM.
	Key remote.Token
	// Now tells the time, for the token's validity.
	Now func() time.Time
}

// Of a GitHub App's own token GitHub's documentation says ("Generating a JSON Web
// Token"): issued a minute ago, since clocks differ, and valid for ten minutes at most.
const (
	issuedBefore = time.Minute
	appTokenLife = 9 * time.Minute
	// renewBefore is how long before its end an installation token is renewed: as
	// long as one request may take.
	renewBefore = 10 * time.Minute
)

// An installation keeps the current token of an App.
type installation struct {
	app    App
	client *Client

	mu      sync.Mutex
	current remote.Token
	until   time.Time
}

// token gives a token that is valid long enough for one request.
func (i *installation) token(ctx context.Context) (remote.Token, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if !i.current.IsZero() && i.app.Now().Add(renewBefore).Before(i.until) {
		return i.current, nil
	}
	own, err := i.app.sign()
	if err != nil {
		return remote.Token{}, err
	}
	request, err := i.client.rest.NewRequest(http.MethodPost, fmt.Sprintf("app/installations/%d/access_tokens", i.app.Installation), nil)
	if err != nil {
		return remote.Token{}, err
	}
	request.Header.Set("Authorization", "Bearer "+own)
	var answer api.InstallationToken
	if _, err := i.client.rest.Do(ctx, request, &answer); err != nil {
		return remote.Token{}, explain(err, "get a token for installation %d of the GitHub App %s", i.app.Installation, i.app.ID)
	}
	i.current, i.until = remote.NewToken(answer.GetToken()), answer.GetExpiresAt().Time
	return i.current, nil
}

// sign makes the App's own token.
func (a App) sign() (string, error) {
	key, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(a.Key.Reveal()))
	if err != nil {
		return "", errors.New("the private key of the GitHub App is no RSA key in PEM; give the file as GitHub made it")
	}
	now := a.Now()
	claims := jwt.RegisteredClaims{
		Issuer: a.ID, IssuedAt: jwt.NewNumericDate(now.Add(-issuedBefore)), ExpiresAt: jwt.NewNumericDate(now.Add(appTokenLife)),
	}
	return jwt.NewWithClaims(jwt.SigningMethodRS256, claims).SignedString(key)
}
