package incoming

import (
	"bytes"
	"crypto/cipher"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dingdag/dingdag/connections"
)

const (
	aesKey    = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFE"
	owner     = "dingsamplekey"
	stamp     = "1700000000000"
	nonce     = "abc12345"
	checkURL  = `{"EventType":"check_url"}`
	encrypted = "Q3stYC6hdFzMh9T8HCvyDLV8JeomtQuxZLosYEI28mjzSD5UpK2hp0QUc4H6M/N5ABAKHUwqC0KzI1ru8+XUEw=="
	signature = "3376dd47f683a2e13b0b74da13be30110822e228"
)

func newCrypto(tb testing.TB) *Crypto {
	tb.Helper()
	c, err := NewCrypto("tok123", aesKey, owner)
	require.NoError(tb, err)
	return c
}

// The vectors of the protocol page, both ways.
func TestCryptoVectors(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]Encrypted{
		"success": {
			"317701aa6382e4e536ecd4a6682b8acf12bd203b", stamp, nonce,
			"Q3stYC6hdFzMh9T8HCvyDDVB8nYie0nnKONkIDibUiTEcoD21sknGbN6YLEQ7hKPwGWPU98zFU5VAYg8tKFd2A==",
		},
		checkURL: {signature, stamp, nonce, encrypted},
	} {
		c := newCrypto(t)
		c.random = strings.NewReader("0123456789abcdef")
		got, err := c.Encrypt([]byte(message), stamp, nonce)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		plain, err := c.Decrypt(want)
		require.NoError(t, err)
		assert.Equal(t, message, string(plain))
	}
}

func TestCryptoOpenAndAnswer(t *testing.T) {
	t.Parallel()
	c := newCrypto(t)
	at := time.UnixMilli(1700000000000)
	for _, name := range []string{"msg_signature", "signature"} {
		query := url.Values{name: {signature}, "timestamp": {stamp}, "nonce": {nonce}}
		plain, err := c.Open(query, []byte(`{"encrypt":"`+encrypted+`"}`), at)
		require.NoError(t, err)
		e, err := ParseHTTPEvent(plain)
		require.NoError(t, err)
		assert.Equal(t, CheckURL, e.Type)
		_, err = c.Open(query, []byte(`{"encrypt":"`+encrypted+`"}`), at.Add(61*time.Minute))
		assert.Equal(t, CryptoTimestamp, CryptoCodeOf(err))
		_, err = c.Open(query, []byte(`<xml/>`), at)
		assert.Equal(t, CryptoText, CryptoCodeOf(err))
	}
	data, err := c.Answer(at)
	require.NoError(t, err)
	var fields map[string]string
	require.NoError(t, json.Unmarshal(data, &fields))
	require.Len(t, fields, 4)
	plain, err := c.Decrypt(Encrypted{fields["msg_signature"], fields["timeStamp"], fields["nonce"], fields["encrypt"]})
	require.NoError(t, err)
	assert.Equal(t, "success", string(plain))
	again, err := c.Answer(at)
	require.NoError(t, err)
	assert.NotEqual(t, data, again, "each answer has a nonce and random bytes of its own")
}

// seal encrypts and signs what is no message.
func seal(c *Crypto, plain []byte) Encrypted {
	data := bytes.Clone(plain)
	cipher.NewCBCEncrypter(c.block, c.iv).CryptBlocks(data, data)
	m := Encrypted{TimeStamp: stamp, Nonce: nonce, Encrypt: base64.StdEncoding.EncodeToString(data)}
	m.MsgSignature = c.sign(m)
	return m
}

func TestCryptoCodes(t *testing.T) {
	t.Parallel()
	c := newCrypto(t)
	good := Encrypted{signature, stamp, nonce, encrypted}
	with := func(change func(*Encrypted)) error {
		m := good
		change(&m)
		_, err := c.Decrypt(m)
		return err
	}
	signed := func(plain []byte) error {
		_, err := c.Decrypt(seal(c, plain))
		return err
	}
	made := func(token, key connections.Secret, owner string) error {
		_, err := NewCrypto(token, key, owner)
		return err
	}
	pad := func(b []byte) []byte {
		n := 32 - len(b)%32
		return append(b, bytes.Repeat([]byte{byte(n)}, n)...)
	}
	other, err := NewCrypto("tok123", aesKey, "another")
	require.NoError(t, err)
	_, foreign := other.Decrypt(good)
	dry := newCrypto(t)
	dry.random = iotest.ErrReader(assert.AnError)
	_, noRandom := dry.Encrypt([]byte("success"), stamp, nonce)
	_, nothing := c.Encrypt(nil, stamp, nonce)
	base64Of := func(data []byte) error {
		m := Encrypted{TimeStamp: stamp, Nonce: nonce, Encrypt: base64.StdEncoding.EncodeToString(data)}
		m.MsgSignature = c.sign(m)
		_, err := c.Decrypt(m)
		return err
	}
	for _, test := range []struct {
		name string
		want CryptoCode
		err  error
	}{
		{"nothing to encrypt", 900001, nothing},
		{"no encrypt", 900001, with(func(m *Encrypted) { m.Encrypt = "" })},
		{"no timestamp", 900002, with(func(m *Encrypted) { m.TimeStamp = "" })},
		{"no nonce", 900003, with(func(m *Encrypted) { m.Nonce = "" })},
		{"a short key", 900004, made("tok123", connections.Secret(aesKey[1:]), owner)},
		{"a key that is none", 900004, made("tok123", connections.Secret(strings.Repeat("?", 43)), owner)},
		{"a forged signature", 900005, with(func(m *Encrypted) { m.MsgSignature = strings.ToUpper(signature) })},
		{"no signature", 900005, with(func(m *Encrypted) { m.MsgSignature = "" })},
		{"another text", 900005, with(func(m *Encrypted) { m.Encrypt = "AAAA" })},
		{"no token", 900006, made("", aesKey, owner)},
		{"no random bytes", 900007, noRandom},
		{"half a block", 900008, base64Of([]byte("half"))},
		{"padding over 32", 900008, signed(bytes.Repeat([]byte{33}, 64))},
		{"no padding", 900008, signed(make([]byte, 32))},
		{"padding that differs", 900008, signed(append(make([]byte, 30), 1, 2))},
		{"too short", 900009, signed(pad([]byte("0123456789abcdef")))},
		{"a length beyond the end", 900009, signed(pad([]byte("0123456789abcdef\xff\xff\xff\xffsuccess" + owner)))},
		{"for somebody else", 900010, foreign},
		{"no owner", 900010, made("tok123", aesKey, "")},
	} {
		assert.Equal(t, test.want, CryptoCodeOf(test.err), test.name)
		assert.NotContains(t, test.err.Error(), aesKey[1:], test.name)
	}
}

// Any padding from 1 to 32 is taken, as some write to multiples of 16.
func TestCryptoPadding(t *testing.T) {
	t.Parallel()
	c := newCrypto(t)
	for size := range 40 {
		message := strings.Repeat("x", size+1)
		plain := []byte("0123456789abcdef\x00\x00\x00" + string(rune(size+1)) + message + owner)
		n := 16 - len(plain)%16
		got, err := c.Decrypt(seal(c, append(plain, bytes.Repeat([]byte{byte(n)}, n)...)))
		require.NoError(t, err, size)
		require.Equal(t, message, string(got))
		m, err := c.Encrypt([]byte(message), stamp, nonce)
		require.NoError(t, err)
		got, err = c.Decrypt(m)
		require.NoError(t, err)
		require.Equal(t, message, string(got))
	}
}

func FuzzDecrypt(f *testing.F) {
	c := newCrypto(f)
	f.Add([]byte("0123456789abcdef\x00\x00\x00\x07success" + owner + "\x04\x04\x04\x04"))
	f.Fuzz(func(t *testing.T, plain []byte) {
		plain = plain[:len(plain)/16*16]
		got, err := c.Decrypt(seal(c, plain))
		if err != nil {
			require.NotZero(t, CryptoCodeOf(err))
			return
		}
		require.Contains(t, string(plain), string(got)+owner)
	})
}
