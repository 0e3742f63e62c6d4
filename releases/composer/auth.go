package composer

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"

	"github.com/mage-os/nightly/pipeline/remote"
)

// An Auth is what an auth.json of Composer, or COMPOSER_AUTH, says: credentials by their kind, and by host. It cannot be
// printed but by MarshalJSON.
type Auth struct {
	kinds map[string]map[string]json.RawMessage
}

// ParseAuth reads an auth.json. Its errors show nothing of it.
func ParseAuth(data []byte) (Auth, error) {
	var all map[string]json.RawMessage
	if json.Unmarshal(data, &all) != nil {
		return Auth{}, errors.New("it is no JSON object, as composer config --auth writes")
	}
	a := Auth{map[string]map[string]json.RawMessage{}}
	for kind, raw := range all {
		var hosts map[string]json.RawMessage
		if json.Unmarshal(raw, &hosts) == nil { // PHP writes [] for none
			a.kinds[kind] = map[string]json.RawMessage{}
			for host, raw := range hosts {
				a.kinds[kind][strings.ToLower(host)] = raw
			}
		}
	}
	return a, nil
}

// Secrets are the passwords and tokens, for who has to keep them out of a text.
func (a Auth) Secrets() []string {
	var all []string
	for _, hosts := range a.kinds {
		for _, raw := range hosts {
			var text string
			var many map[string]string
			if json.Unmarshal(raw, &text) == nil {
				all = append(all, text)
			} else if json.Unmarshal(raw, &many) == nil {
				for name, value := range many {
					if name != "username" {
						all = append(all, value)
					}
				}
			}
		}
	}
	return all
}

// ParseNetrc takes the logins of a .netrc for those of "http-basic". One for all hosts is left out.
func ParseNetrc(data []byte) Auth {
	logins := map[string]json.RawMessage{}
	var host string
	var login struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	words := strings.Fields(string(data))
	for i := 0; i+1 < len(words); i += 2 {
		switch words[i] {
		case "machine":
			host, login.Username, login.Password = strings.ToLower(words[i+1]), "", ""
		case "login":
			login.Username = words[i+1]
		case "password":
			login.Password = words[i+1]
		case "default":
			host = ""
			i--
		}
		if raw, err := json.Marshal(login); err == nil && host != "" && login.Username != "" && login.Password != "" {
			logins[host] = raw
		}
	}
	return Auth{map[string]map[string]json.RawMessage{"http-basic": logins}}
}

// GitHubAuth is a token for dists at GitHub.
func GitHubAuth(token string) Auth {
	raw, _ := json.Marshal(token) // text can always be written
	return Auth{map[string]map[string]json.RawMessage{"github-oauth": {"github.com": raw}}}
}

// Over is both, with what this one says where both say something of a host.
func (a Auth) Over(other Auth) Auth {
	all := Auth{map[string]map[string]json.RawMessage{}}
	for _, from := range []Auth{other, a} {
		for kind, hosts := range from.kinds {
			if all.kinds[kind] == nil {
				all.kinds[kind] = map[string]json.RawMessage{}
			}
			maps.Copy(all.kinds[kind], hosts)
		}
	}
	return all
}

// IsZero reports whether there is no credential.
func (a Auth) IsZero() bool {
	for _, hosts := range a.kinds {
		if len(hosts) > 0 {
			return false
		}
	}
	return true
}

// String implements fmt.Stringer.
func (a Auth) String() string { return "redacted" }

// GoString implements fmt.GoStringer.
func (a Auth) GoString() string { return a.String() }

// MarshalJSON writes an auth.json.
func (a Auth) MarshalJSON() ([]byte, error) { return json.Marshal(a.kinds) }

// Credential gives what opens a host, with its port where that is not the usual one. Where there are several, the kind
// counts that Composer sets last (its BaseIO); "bitbucket-oauth", which is first to be exchanged for a token, is not
// known.
func (a Auth) Credential(host string) remote.Credential {
	origin := host
	if host == "api.github.com" { // the token of github.com is for the API alone
		origin = "github.com"
	}
	var token string
	var login struct{ Username, Password, Token string }
	bearer := func() remote.Credential { return remote.NewCredential("Authorization", "Bearer "+token) }
	for _, kind := range []struct {
		name string
		make func() remote.Credential
	}{
		{"bearer", bearer},
		{"http-basic", func() remote.Credential { return basic(login.Username, login.Password) }},
		{"gitlab-token", func() remote.Credential {
			if login.Username != "" {
				return basic(login.Username, login.Token)
			}
			return remote.NewCredential("PRIVATE-TOKEN", token)
		}},
		{"gitlab-oauth", bearer},
		{"github-oauth", func() remote.Credential {
			switch host {
			case "github.com":
				return remote.Credential{}
			case "api.github.com":
				return remote.NewCredential("Authorization", "token "+token)
			}
			return basic(token, "x-oauth-basic")
		}},
	} {
		raw, ok := a.kinds[kind.name][origin]
		if !ok {
			continue
		}
		token, login.Username, login.Password, login.Token = "", "", "", ""
		if json.Unmarshal(raw, &token) != nil && json.Unmarshal(raw, &login) != nil {
			continue
		}
		if token = cmp.Or(token, login.Token); token+login.Username != "" {
			return kind.make()
		}
	}
	return remote.Credential{}
}

func basic(user, password string) remote.Credential {
	return remote.NewCredential("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}
