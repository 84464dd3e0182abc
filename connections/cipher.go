package connections

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// cipherVersion begins every sealed text. What follows is the id of the key and
// the nonce with the ciphertext, in base64: "v1:<key id>:<data>".
const cipherVersion = "v1"

// ErrOtherKey says that a text cannot be opened because its key is not the one at hand.
var ErrOtherKey = errors.New("encrypted with another key")

// Cipher encrypts secrets at rest with AES-256-GCM. It is safe for concurrent
// use. [NewCipher] makes one.
type Cipher struct {
	aead  cipher.AEAD
	keyID string
	// root is what [Cipher.Derive] makes other keys of.
	root []byte
}

// NewCipher returns a cipher for a key of [KeySize] bytes.
func NewCipher(key []byte) (*Cipher, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("key has %d bytes; want %d", len(key), KeySize)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("set up cipher: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("set up cipher: %w", err)
	}
	sum := sha256.Sum256(append([]byte("dingdag key id:"), key...))
	root, err := hkdf.Extract(sha256.New, key, []byte("dingdag derived keys"))
	if err != nil {
		return nil, fmt.Errorf("set up cipher: %w", err)
	}
	return &Cipher{aead, hex.EncodeToString(sum[:4]), root}, nil
}

// Derive returns another key of [KeySize] bytes for a purpose (HKDF of RFC 5869, with SHA-256). It
// tells nothing of the key, nor of those for other purposes.
func (c *Cipher) Derive(purpose string) ([]byte, error) {
	key, err := hkdf.Expand(sha256.New, c.root, purpose, KeySize)
	if err != nil {
		return nil, fmt.Errorf("derive the key for %s: %w", purpose, err)
	}
	return key, nil
}

// Seal encrypts plain. The same aad must be given to Open: it ties the text to
// its place, for instance "connection/ID/password", so that it cannot be moved
// to another. Sealing the same text twice gives different results.
func (c *Cipher) Seal(plain []byte, aad string) (string, error) {
	nonce := make([]byte, c.aead.NonceSize())
	if _, err := rand.Read(nonce); err != nil {
		return "", fmt.Errorf("read random bytes: %w", err)
	}
	data := c.aead.Seal(nonce, nonce, plain, []byte(aad))
	return cipherVersion + ":" + c.keyID + ":" + base64.RawStdEncoding.EncodeToString(data), nil
}

// Open decrypts what Seal returned. The error tells a wrong key, which is [ErrOtherKey], from damaged
// text and shows neither.
func (c *Cipher) Open(sealed, aad string) ([]byte, error) {
	version, rest, _ := strings.Cut(sealed, ":")
	if version != cipherVersion {
		return nil, errors.New("decrypt secret: not an encrypted text of a version this program knows")
	}
	keyID, text, _ := strings.Cut(rest, ":")
	if keyID != c.keyID {
		return nil, fmt.Errorf("decrypt secret: it was %w (id %.8q, this key is %q); "+
			"restore the old key or enter the connection again", ErrOtherKey, keyID, c.keyID)
	}
	data, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil || len(data) < c.aead.NonceSize() {
		return nil, errors.New("decrypt secret: the encrypted text is cut off or damaged")
	}
	nonce, box := data[:c.aead.NonceSize()], data[c.aead.NonceSize():]
	plain, err := c.aead.Open(nil, nonce, box, []byte(aad))
	if err != nil {
		return nil, errors.New("decrypt secret: the encrypted text was changed or belongs to another record")
	}
	return plain, nil
}
