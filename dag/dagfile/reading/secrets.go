package reading

import (
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/dingdag/dingdag/yamlvalue"
)

var (
	secretKey = yamlvalue.Pattern(`(?i)^(.*[_-])?(password|passwd|passphrase|token|secret|authorization|(api|access|private|secret|sign(ing)?)[_-]?key)$` +
		`|[a-z](Password|Token|Secret|ApiKey|AccessKey|PrivateKey)$`)
	// A name that the shell, or nobody, has a value for is no secret.
	onlyReference = yamlvalue.Pattern(`^\$(\w+|\{[^}]*\})$`)
	// Tokens in the query of a URL, in the paths that webhooks have, and before the host.
	secretURL = yamlvalue.Pattern(`(?i)[a-z][a-z0-9+.-]*://[^\s]*([?&](access_token|token|key|api_?key|secret|sign|signature)=[^{$\s&]` +
		`|hooks\.slack\.com/services/|discord(app)?\.com/api/webhooks/\d|/open-apis/bot/v2/hook/|webhook\.office\.com/webhookb2/` +
		`|api\.telegram\.org/bot\d)|[a-z][a-z0-9+.-]*://[^\s:@/{]*:[^\s:@/{$]+@`)
)

// isSecretKey matches secretKey, without it for the many keys that end otherwise.
func isSecretKey(key string) bool {
	switch strings.ToLower(key[max(0, len(key)-3):]) {
	case "ord", "swd", "ase", "ken", "ret", "ion", "key":
		return secretKey().MatchString(key)
	}
	return false
}

// WarnSecrets warns about literal values that look like credentials. The message names
// the key and never the value. What came from outside the file is no literal.
func (s Scope) WarnSecrets(n *yaml.Node) {
	for k, v := range yamlvalue.Pairs(n) {
		s.warnSecret(k.Value, v)
	}
}

// warnSecret checks the value of one key, and what lies below it.
func (s Scope) warnSecret(key string, v *yaml.Node) {
	switch {
	case v.Kind == yaml.MappingNode:
		s.WarnSecrets(v)
	case v.Kind == yaml.SequenceNode:
		for _, item := range v.Content {
			s.warnSecret(key, item)
		}
	case yamlvalue.KindOf(v) != yamlvalue.Text || v.Value == "" || yamlvalue.HoldsTemplate(v.Value) || s.filled[v]:
	case isSecretKey(key) && !onlyReference().MatchString(v.Value):
		s.Warnf(v, "%s holds a secret in plain text: put it into a connection", yamlvalue.Excerpt(key))
	case strings.Contains(v.Value, "://") && secretURL().MatchString(v.Value):
		s.Warnf(v, "%s holds a URL with a token in plain text: put it into a connection", yamlvalue.Excerpt(key))
	}
}

// WarnSecretParams does the same for params, whose defaults may be typed.
func (s Scope) WarnSecretParams(n *yaml.Node) {
	for k, v := range yamlvalue.Pairs(n) {
		if !slices.Contains(ParamTypes, TypeOf(v)) {
			s.warnSecret(k.Value, v)
			continue
		}
		def := v
		if _, named := yamlvalue.Lookup(v, "default"); named != nil {
			def = named
		} else if _, args := yamlvalue.Lookup(v, "__args__"); args != nil && len(args.Content) > 0 {
			def = args.Content[0]
		}
		s.warnSecret(k.Value, def)
	}
}
