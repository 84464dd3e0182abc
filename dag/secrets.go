package dag

import (
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"
)

var (
	secretKey = regexp.MustCompile(`(?i)^(.*[_-])?(password|passwd|token|secret|authorization|api[_-]?key|access[_-]?key)$`)
	secretURL = regexp.MustCompile(`(?i)https?://[^\s]*([?&](access_token|token|key|secret|sign)=[^{\s]|hooks\.slack\.com/services/)`)
)

// warnSecrets warns about literal values that look like credentials. The message names
// the key and never the value.
func (s scope) warnSecrets(n *yaml.Node) {
	for k, v := range pairs(n) {
		switch {
		case v.Kind != yaml.ScalarNode:
			s.warnSecrets(v)
		case strings.Contains(v.Value, "{{"):
		case secretKey.MatchString(k.Value) && kindOf(v) == textKind && v.Value != "":
			s.warnf(v, "%s holds a secret in plain text: put it into a connection", excerpt(k.Value))
		case strings.Contains(v.Value, "://") && secretURL.MatchString(v.Value):
			s.warnf(v, "%s holds a URL with a token in plain text: put it into a connection", excerpt(k.Value))
		}
	}
	if n.Kind == yaml.SequenceNode {
		for _, item := range n.Content {
			s.warnSecrets(item)
		}
	}
}
