package cookie

import "github.com/klauspost/compress/s2"

// maxPlain bounds what a cookie unpacks to, and so what is sealed in the first
// place. It is more than eight cookies hold of tokens.
const maxPlain = 64 << 10

// How a message is packed; part of the format, like the dictionary.
const (
	packedNot byte = iota
	packedS2
)

// packer makes messages smaller before they are sealed. Tokens are mostly JSON
// with the same names in it, so a dictionary of those saves a fifth.
type packer struct{ dictionary *s2.Dict }

func newPacker() *packer { return &packer{s2.MakeDict([]byte(vocabulary), nil)} }

func (p *packer) pack(plain []byte) []byte {
	if packed := p.dictionary.EncodeBetter(nil, plain); len(packed) < len(plain) {
		return append([]byte{packedS2}, packed...)
	}
	return append([]byte{packedNot}, plain...)
}

// unpack takes what was authenticated already, and trusts its size no more for
// that.
func (p *packer) unpack(packed []byte) ([]byte, error) {
	if len(packed) == 0 {
		return nil, ErrInvalid
	}
	body := packed[1:]
	switch packed[0] {
	case packedNot:
		return body, nil
	case packedS2:
		if size, err := s2.DecodedLen(body); err != nil || size > maxPlain {
			return nil, ErrInvalid
		}
		plain, err := p.dictionary.Decode(nil, body)
		if err != nil {
			return nil, ErrInvalid
		}
		return plain, nil
	}
	return nil, ErrInvalid
}

// vocabulary is the dictionary: what ID and access tokens of common providers
// say, the likeliest last. Cookies sealed with one don't open with another, so a
// new vocabulary needs a new packing byte.
const vocabulary = `"realm_access":{"roles":["offline_access","uma_authorization","default-roles-` +
	`"]},"resource_access":{"account":{"roles":["manage-account","manage-account-links","view-profile"]}},` +
	`"allowed-origins":["https://"],"permissions":["read:write:"],"token_use":"access","cognito:groups":["` +
	`"oid":"","tid":"","ver":"2.0","idp":"","upn":"","wids":["","xms_","appid":"","uti":"","rh":"",` +
	`"zoneinfo":"Europe/","updated_at":1,"locale":"en","picture":"https://","phone_number":"+","phone_number_verified":false,` +
	`"given_name":"","family_name":"","nickname":"","preferred_username":"","groups":["/"],"roles":["admin","editor","user"],` +
	`"client_id":"","scp":["","scope":"openid profile email offline_access","typ":"Bearer","typ":"ID","typ":"Refresh","session_state":"",` +
	`"email_verified":true,"email":"@example.com","name":"","acr":"1","amr":["pwd","mfa"],"at_hash":"","c_hash":"","sid":"","nonce":"",` +
	`"jti":"","azp":"","auth_time":17,"iat":17,"nbf":17,"exp":17,"aud":["account"],"sub":"","iss":"https://",` +
	`"kid":"","typ":"at+jwt"{"alg":"ES256","typ":"JWT"{"alg":"RS256","typ":"JWT","kid":"`
