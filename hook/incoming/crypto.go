package incoming

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // DingTalk signs events with SHA-1
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dingdag/dingdag/connections"
)

// CryptoCode is one of the codes of DingTalk's own libraries for events.
type CryptoCode int

// The codes.
const (
	CryptoText      CryptoCode = 900001 + iota // the text to encrypt, or encrypt of the body
	CryptoTimestamp                            // the timestamp is absent, not a number or over an hour off
	CryptoNonce                                // the nonce is absent
	CryptoKey                                  // the aes_key is wrong
	CryptoSignature                            // the signature is wrong
	CryptoSign                                 // the signature cannot be computed
	CryptoEncrypt                              // the encryption failed
	CryptoDecrypt                              // the decryption failed
	CryptoLength                               // the length of the message is wrong
	CryptoOwner                                // the message is for another application or organisation
)

// CryptoError is the error of [Crypto]. It holds no key and nothing of the message.
type CryptoError struct {
	Code CryptoCode
	// Text says what is wrong and what to do.
	Text string
}

// Error tells the code and what is wrong.
func (e *CryptoError) Error() string { return strconv.Itoa(int(e.Code)) + ": " + e.Text }

func cryptoError(code CryptoCode, text string) error { return &CryptoError{Code: code, Text: text} }

// Crypto decrypts the events that DingTalk sends to an address and encrypts the answers. It
// is safe for concurrent use.
type Crypto struct {
	token, owner string
	block        cipher.Block
	iv           []byte
	// random is where the 16 bytes at the beginning come from.
	random io.Reader
}

// NewCrypto takes the token and the aes_key that the developer console shows under Event
// Subscription, and the owner of the address: the AppKey of an internal app, the corpId for
// addresses that were registered by a call, the SuiteKey of a third-party app.
func NewCrypto(token, aesKey connections.Secret, owner string) (*Crypto, error) {
	const keyLength = 43
	switch {
	case token == "":
		return nil, cryptoError(CryptoSign, "there is no token to compute signatures with: copy it from the developer console, Event Subscription")
	case owner == "":
		return nil, cryptoError(CryptoOwner, "the owner is missing: it is the AppKey of an internal app, or the corpId")
	case len(aesKey) != keyLength:
		return nil, cryptoError(CryptoKey, fmt.Sprintf("the aes_key has %d characters, not %d: copy it from the developer console, Event Subscription", len(aesKey), keyLength))
	}
	// Not strict about the two bits that are left over of the last character.
	key, err := base64.StdEncoding.DecodeString(aesKey.Reveal() + "=")
	if err != nil {
		return nil, cryptoError(CryptoKey, "the aes_key has characters other than letters and digits: copy it from the developer console, Event Subscription")
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, cryptoError(CryptoKey, "the aes_key is not of 32 bytes")
	}
	return &Crypto{token: token.Reveal(), owner: owner, block: block, iv: key[:aes.BlockSize], random: rand.Reader}, nil
}

// Encrypted is the body of an answer to an event, and with its first two fields in the query
// that of an event.
type Encrypted struct {
	MsgSignature string `json:"msg_signature"`
	TimeStamp    string `json:"timeStamp"`
	Nonce        string `json:"nonce"`
	Encrypt      string `json:"encrypt"`
}

// Open verifies and decrypts an event: query and body are those of the request.
func (c *Crypto) Open(query url.Values, body []byte, now time.Time) ([]byte, error) {
	var in struct {
		Encrypt string `json:"encrypt"`
	}
	if err := json.Unmarshal(body, &in); err != nil || in.Encrypt == "" {
		return nil, cryptoError(CryptoText, `the body is not {"encrypt": "…"}`)
	}
	signature := query.Get("msg_signature")
	if signature == "" {
		signature = query.Get("signature") // of older pushes
	}
	message := Encrypted{signature, query.Get("timestamp"), query.Get("nonce"), in.Encrypt}
	plain, err := c.Decrypt(message)
	if err != nil {
		return nil, err
	}
	if _, ok := signedAt(message.TimeStamp, now); !ok {
		return nil, cryptoError(CryptoTimestamp, ErrClock.Error())
	}
	return plain, nil
}

// Decrypt verifies the signature and returns the message, whatever its time.
func (c *Crypto) Decrypt(m Encrypted) ([]byte, error) {
	switch {
	case m.TimeStamp == "":
		return nil, cryptoError(CryptoTimestamp, "the timestamp is missing")
	case m.Nonce == "":
		return nil, cryptoError(CryptoNonce, "the nonce is missing")
	case m.Encrypt == "":
		return nil, cryptoError(CryptoText, "there is nothing to decrypt")
	case subtle.ConstantTimeCompare([]byte(c.sign(m)), []byte(m.MsgSignature)) != 1:
		return nil, cryptoError(CryptoSignature, "the signature is wrong: the request is not from DingTalk, or the token is another one than the developer console has")
	}
	data, err := base64.StdEncoding.DecodeString(m.Encrypt)
	if err != nil || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, cryptoError(CryptoDecrypt, "the text is not base64 of whole blocks")
	}
	cipher.NewCBCDecrypter(c.block, c.iv).CryptBlocks(data, data)
	return c.unpack(data)
}

const (
	randomBytes = 16
	lengthBytes = 4
	padTo       = 32
)

// unpack takes padding, random bytes, length and owner off.
func (c *Crypto) unpack(data []byte) ([]byte, error) {
	pad := int(data[len(data)-1])
	if pad < 1 || pad > padTo || pad > len(data) || !bytes.Equal(data[len(data)-pad:], bytes.Repeat([]byte{byte(pad)}, pad)) {
		return nil, cryptoError(CryptoDecrypt, "the padding is wrong: the aes_key is another one than the developer console has")
	}
	data = data[:len(data)-pad]
	if len(data) < randomBytes+lengthBytes {
		return nil, cryptoError(CryptoLength, "the message is too short")
	}
	length := uint64(binary.BigEndian.Uint32(data[randomBytes:]))
	rest := data[randomBytes+lengthBytes:]
	if length > uint64(len(rest)) {
		return nil, cryptoError(CryptoLength, "the message is shorter than it says")
	}
	if string(rest[length:]) != c.owner {
		return nil, cryptoError(CryptoOwner, "the message is for another application or organisation: check the AppKey (or the corpId) of the address")
	}
	return rest[:length], nil
}

// Encrypt encrypts and signs a message.
func (c *Crypto) Encrypt(message []byte, timestamp, nonce string) (Encrypted, error) {
	switch {
	case len(message) == 0:
		return Encrypted{}, cryptoError(CryptoText, "there is nothing to encrypt")
	case timestamp == "":
		return Encrypted{}, cryptoError(CryptoTimestamp, "the timestamp is missing")
	case nonce == "":
		return Encrypted{}, cryptoError(CryptoNonce, "the nonce is missing")
	}
	data := make([]byte, randomBytes, randomBytes+lengthBytes+len(message)+len(c.owner)+padTo)
	if _, err := io.ReadFull(c.random, data); err != nil {
		return Encrypted{}, cryptoError(CryptoEncrypt, "no random bytes: "+err.Error())
	}
	data = binary.BigEndian.AppendUint32(data, uint32(len(message))) //nolint:gosec // no message has 4 GiB
	data = append(append(data, message...), c.owner...)
	pad := padTo - len(data)%padTo
	data = append(data, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(c.block, c.iv).CryptBlocks(data, data)
	out := Encrypted{TimeStamp: timestamp, Nonce: nonce, Encrypt: base64.StdEncoding.EncodeToString(data)}
	out.MsgSignature = c.sign(out)
	return out, nil
}

// Answer is the body that DingTalk takes for a success, as JSON. It has to come within
// 1.5 seconds of the event.
func (c *Crypto) Answer(now time.Time) ([]byte, error) {
	nonce := make([]byte, 8)
	if _, err := io.ReadFull(c.random, nonce); err != nil {
		return nil, cryptoError(CryptoEncrypt, "no random bytes: "+err.Error())
	}
	out, err := c.Encrypt([]byte("success"), strconv.FormatInt(now.UnixMilli(), 10), hex.EncodeToString(nonce))
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// sign is the signature of a message.
func (c *Crypto) sign(m Encrypted) string {
	parts := []string{c.token, m.TimeStamp, m.Nonce, m.Encrypt}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // DingTalk signs events with SHA-1
	return hex.EncodeToString(sum[:])
}

// CryptoCodeOf is the code of a [*CryptoError], 0 for any other error.
func CryptoCodeOf(err error) CryptoCode {
	if e, ok := errors.AsType[*CryptoError](err); ok {
		return e.Code
	}
	return 0
}
