package talk

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1" //nolint:gosec // the platform signs with it
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Seal signs and encrypts events over HTTP.
type Seal struct {
	// Token goes into signatures, AESKey has 43 characters, Owner is the app key.
	Token, AESKey, Owner string
}

const (
	// sealBlock is what plaintexts are padded to, in bytes.
	sealBlock = 32
	// sealHead is the random text and the length before a message.
	sealHead = 16 + 4
)

// Signature is the hex SHA-1 of the four texts, sorted and joined.
func (k Seal) Signature(timestamp, nonce, encrypted string) string {
	parts := []string{k.Token, timestamp, nonce, encrypted}
	slices.Sort(parts)
	sum := sha1.Sum([]byte(strings.Join(parts, ""))) //nolint:gosec // see the import
	return hex.EncodeToString(sum[:])
}

func (k Seal) block() (cipher.Block, []byte, error) {
	key, err := base64.StdEncoding.DecodeString(k.AESKey + "=")
	if err != nil || len(key) != 32 {
		return nil, nil, errors.New("the aes key must be 43 characters of base64")
	}
	block, err := aes.NewCipher(key)
	return block, key[:aes.BlockSize], err
}

// Encrypt writes a message; random has 16 characters.
func (k Seal) Encrypt(random, message string) (string, error) {
	block, iv, err := k.block()
	if err != nil {
		return "", fmt.Errorf("encrypt an event: %w", err)
	}
	plain := binary.BigEndian.AppendUint32([]byte(random), uint32(len(message))) //nolint:gosec // a message is short
	plain = append(plain, message+k.Owner...)
	pad := sealBlock - len(plain)%sealBlock
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	return base64.StdEncoding.EncodeToString(plain), nil
}

// Decrypt reads a message. The error says what is wrong with it.
func (k Seal) Decrypt(encrypted string) (string, error) {
	block, iv, err := k.block()
	if err != nil {
		return "", fmt.Errorf("decrypt: %w", err)
	}
	plain, err := base64.StdEncoding.DecodeString(encrypted)
	if err != nil || len(plain) == 0 || len(plain)%aes.BlockSize != 0 {
		return "", errors.New("encrypt is no base64 of whole blocks")
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, plain)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > sealBlock || pad > len(plain) {
		return "", errors.New("the padding is wrong")
	}
	plain = plain[:len(plain)-pad]
	if len(plain) < sealHead {
		return "", errors.New("it is too short")
	}
	size := int(binary.BigEndian.Uint32(plain[sealHead-4:]))
	rest := plain[sealHead:]
	if size > len(rest) {
		return "", errors.New("the length of the message is wrong")
	}
	if string(rest[size:]) != k.Owner {
		return "", errors.New("the owner is another")
	}
	return string(rest[:size]), nil
}
