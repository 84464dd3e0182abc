package settings

import (
	"errors"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

// OIDC is the OpenID provider at which people sign in; without an issuer there is none.
type OIDC struct {
	Issuer, ClientID string
	// Secret is that of the client. SecretFile names a file that holds it, ConnID a connection with it as its password and the
	// client_id as its login. At most one of them is set.
	Secret, SecretFile, ConnID string
	// Title is what people call the provider.
	Title string
	// Scopes are asked for; none are the default ones.
	Scopes []string
	// UserClaim and GroupsClaim are claims with the name and the groups of somebody.
	UserClaim, GroupsClaim string
	// Viewers, Operators and Admins have these roles; DAGs limit them to entries of a scope.
	Viewers, Operators, Admins []string
	DAGs                       map[string][]string
	// Domains are those of addresses of mail that may sign in; none are all.
	Domains []string
}

// signInSettings are those of how people sign in elsewhere.
func signInSettings() []setting {
	list := func(key, doc string, field func(*Config) *[]string) setting {
		return setting{key: key, doc: doc, structured: true, set: func(c *Config, v value) (err error) {
			*field(c), err = v.entries("a list of texts, or texts with commas between them", "a text")
			return err
		}}
	}
	return []setting{
		stringSetting("dingtalk_sign_in", "", "connection of an application with which people sign in with DingTalk, who have on the pages what they have in the chat; see [Signing in elsewhere](access.md#signing-in-elsewhere)", func(c *Config) *string { return &c.DingTalkSignIn }),
		stringSetting("oidc.issuer", "", "address of an OpenID provider at which people may sign in, see [Signing in elsewhere](access.md#signing-in-elsewhere)", func(c *Config) *string { return &c.OIDC.Issuer }),
		stringSetting("oidc.client_id", "", "id of this program there", func(c *Config) *string { return &c.OIDC.ClientID }),
		stringSetting("oidc.client_secret", "", "its secret; better in the environment, as `DINGDAG_OIDC_CLIENT_SECRET`, or elsewhere", func(c *Config) *string { return &c.OIDC.Secret }),
		stringSetting("oidc.client_secret_file", "", "file that holds the secret, which is read for each sign-in", func(c *Config) *string { return &c.OIDC.SecretFile }),
		stringSetting("oidc.conn_id", "", "connection whose login is the client id and whose password is the secret", func(c *Config) *string { return &c.OIDC.ConnID }),
		stringSetting("oidc.title", "", "what people call the provider; default: the host of the issuer", func(c *Config) *string { return &c.OIDC.Title }),
		list("oidc.scopes", "what is asked for; default: openid, profile, email", func(c *Config) *[]string { return &c.OIDC.Scopes }),
		stringSetting("oidc.user_claim", "", "claim that names the user; default: preferred_username, or else a verified email", func(c *Config) *string { return &c.OIDC.UserClaim }),
		stringSetting("oidc.groups_claim", "groups", "claim with the groups of somebody; a dot leads into an object, as in `realm_access.roles`", func(c *Config) *string { return &c.OIDC.GroupsClaim }),
		list("oidc.viewers", "who may look: groups, `CLAIM=VALUE`, or `*` for everybody", func(c *Config) *[]string { return &c.OIDC.Viewers }),
		list("oidc.operators", "who may also operate", func(c *Config) *[]string { return &c.OIDC.Operators }),
		list("oidc.admins", "who may do everything", func(c *Config) *[]string { return &c.OIDC.Admins }),
		{
			key: "oidc.dags", structured: true, doc: "mapping of groups, or `CLAIM=VALUE` or `*`, to the DAGs that viewers and operators of them have (`tag:NAME`, `owner:NAME`, `dag:ID`); who has none of them may not sign in. By default they have all DAGs",
			set: func(c *Config, v value) (err error) {
				c.OIDC.DAGs, err = v.lists()
				return err
			},
		},
		list("oidc.allowed_domains", "domains of verified addresses of mail that may sign in; all by default", func(c *Config) *[]string { return &c.OIDC.Domains }),
	}
}

// lists reads a mapping of texts to lists, or to texts that commas separate.
func (v value) lists() (map[string][]string, error) {
	n := v.node
	if n == nil {
		var doc yaml.Node
		if err := yaml.Unmarshal([]byte(v.text), &doc); err != nil {
			at, text := yamlvalue.Explain([]byte(v.text), err)
			return nil, fmt.Errorf("line %d, column %d: %s", at.Line, at.Column, text)
		}
		if doc.Kind == 0 {
			return nil, nil
		}
		n = doc.Content[0]
	}
	if n.Kind != yaml.MappingNode {
		return nil, errors.New("must be a mapping, such as {etl-team: [tag:etl]}")
	}
	out := map[string][]string{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		e := value{text: n.Content[i+1].Value, node: yamlvalue.Resolve(n.Content[i+1])}
		all, err := e.entries("a list of texts, or texts with commas between them", "a text")
		if err != nil {
			return nil, fmt.Errorf("%s: %w", n.Content[i].Value, err)
		}
		out[n.Content[i].Value] = all
	}
	return out, nil
}

// check tells what does not go together.
func (o *OIDC) check() error {
	var errs []error
	secrets := 0
	for _, s := range []string{o.Secret, o.SecretFile, o.ConnID} {
		if s != "" {
			secrets++
		}
	}
	if secrets > 1 {
		errs = append(errs, errors.New("oidc.client_secret, oidc.client_secret_file and oidc.conn_id all say what the secret is: set one of them"))
	}
	if o.ConnID != "" && o.ClientID != "" {
		errs = append(errs, errors.New("oidc.client_id and the login of oidc.conn_id both say what the client is: set one of them"))
	}
	if o.Issuer == "" && (o.ClientID != "" || secrets > 0 || len(o.Viewers)+len(o.Operators)+len(o.Admins)+len(o.DAGs) > 0) {
		errs = append(errs, errors.New("settings of oidc have no effect without oidc.issuer"))
	}
	return errors.Join(errs...)
}
