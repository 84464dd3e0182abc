package talk_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/sandbox/internal/talk"
)

// What was encrypted comes back, and what was not is refused without a panic.
func FuzzSeal(f *testing.F) {
	f.Add("success", "Q3stYC6hdFzMh9T8HCvyDDVB8nYie0nnKONkIDibUiTEcoD21sknGbN6YLEQ7hKPwGWPU98zFU5VAYg8tKFd2A==")
	f.Add("", "")
	f.Add("通讯录", "AAAA")
	k := talk.Seal{Token: "tok123", AESKey: "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE", Owner: "dingsamplekey"}
	f.Fuzz(func(t *testing.T, message, encrypted string) {
		_, _ = k.Decrypt(encrypted) // an error is as good
		sealed, err := k.Encrypt("0123456789abcdef", message)
		require.NoError(t, err)
		got, err := k.Decrypt(sealed)
		require.NoError(t, err)
		assert.Equal(t, message, got)
	})
}
