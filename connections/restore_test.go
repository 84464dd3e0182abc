package connections_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

func TestRestore(t *testing.T) {
	t.Parallel()
	parse := func(text string) *connections.Connection {
		t.Helper()
		c, err := connections.ParseJSON("c", []byte(text))
		require.NoError(t, err)
		return c
	}
	original := parse(`{"conn_type":"http","host":"h","login":"me","password":"p4ss-word","port":1,
		"extra":{"token":"t0ken","n":12345678901234567890.50,"inner":{"secret":"s3cret","x":1},"list":[{"password":"one"},{"password":"two"}]}}`)
	redacted := connections.NewMasker().Redact(original)
	same, err := connections.Restore(parse(string(redacted.JSON())), redacted, original)
	require.NoError(t, err)
	assert.Equal(t, original, same, "what nobody changed is as it was, to the letter")

	// More of it shown than Redact shows, to have something at each depth.
	const shown = `{"conn_type":"http","host":"h","login":"me","password":"***","port":1,
		"extra":{"token":"***","n":12345678901234567890.50,"inner":{"secret":"***","x":1},"list":[{"password":"***"},{"password":"***"}]}}`
	base := parse(shown)

	same, err = connections.Restore(parse(shown), base, original)
	require.NoError(t, err)
	assert.Equal(t, original, same, "what nobody changed is as it was, to the letter")

	edited := *base
	edited.Host = new("other")
	edited.Password = new(connections.Secret("new-one"))
	edited.Extra = new(connections.Secret(`{"token":"***","n":12345678901234567890.50,"inner":{"secret":"changed","x":2},"list":[{"password":"***"},{"password":"three"}],"more":true}`))
	got, err := connections.Restore(&edited, base, original)
	require.NoError(t, err)
	assert.Equal(t, "other", got.GetHost())
	assert.Equal(t, "new-one", got.GetPassword().Reveal())
	assert.JSONEq(t, `{"token":"t0ken","n":12345678901234567890.50,"inner":{"secret":"changed","x":2},"list":[{"password":"one"},{"password":"three"}],"more":true}`, got.GetExtra().Reveal())
	assert.Contains(t, got.GetExtra().Reveal(), "12345678901234567890.50")

	edited = *base
	edited.Password, edited.Extra = nil, nil
	got, err = connections.Restore(&edited, base, original)
	require.NoError(t, err)
	assert.Nil(t, got.Password, "a secret that was taken out is gone")
	assert.Nil(t, got.Extra)

	for text, problem := range map[string]string{
		`{"password":"***"}`:             "extra.password: *** stands for a secret to keep",
		`{"token":"Bearer ***"}`:         "extra.token: ***",
		`{"inner":{"token":"***"}}`:      "extra.inner.token: ***",
		`{"list":[{"password":"***"}]}`:  "extra.list[0].password: ***",
		`{"token":["***"]}`:              "extra.token[0]: ***",
		`{"inner":"***","token":"fine"}`: "extra.inner: ***",
		`{"list":"x","renamed_t":"***"}`: "extra.renamed_t: ***",
	} {
		edited = *base
		edited.Extra = new(connections.Secret(text))
		_, err = connections.Restore(&edited, base, original)
		require.ErrorContains(t, err, problem, text)
	}
	edited = *base
	edited.Login = new("***")
	_, err = connections.Restore(&edited, base, original)
	require.ErrorContains(t, err, `connection "c": login: ***`)
}
