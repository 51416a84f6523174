package oidc

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/caught"
	"github.com/gatehouse-go/gatehouse/internal/claims"
	"github.com/gatehouse-go/gatehouse/internal/secret"
	"github.com/gatehouse-go/gatehouse/internal/spent"
)

const (
	// proofWindow is how far a proof's iat may be from now, to either side.
	proofWindow = skew
	maxProof    = 8 << 10
	maxProofID  = 256
	// spentProofs bounds the memory of used proofs. When it is full the oldest are
	// forgotten; only who holds a token and its key gets in.
	spentProofs = 65_536
	// nonceLifetime is how long a nonce is good.
	nonceLifetime = 5 * time.Minute
)

// proofs checks DPoP proofs (RFC 9449 §4.3).
type proofs struct {
	baseURL  string
	clock    func() time.Time
	spend    func(ctx context.Context, id string, expires time.Time) (bool, error)
	nonceKey secret.String // empty where no nonce is required
}

func newProofs(config VerifierConfig, clock func() time.Time) *proofs {
	p := &proofs{baseURL: config.BaseURL, clock: clock, spend: config.SpendProof}
	if p.spend == nil {
		memory := spent.New(spentProofs, clock)
		p.spend = func(_ context.Context, id string, expires time.Time) (bool, error) {
			return memory.Spend(id, expires), nil
		}
	}
	if config.RequireNonce {
		p.nonceKey = secret.New(string(config.NonceSecret))
		if config.NonceSecret == nil {
			p.nonceKey = secret.New(rand.Text() + rand.Text())
		}
	}
	return p
}

func badProof(cause error) *Refusal { return &Refusal{Code: InvalidProof, cause: cause} }

// check holds the proof that comes with a request against the request, the token
// and the key that it is bound to. A good one is spent.
func (p *proofs) check(r *http.Request, t *AccessToken) error {
	headers := r.Header["Dpop"]
	if len(headers) != 1 || len(headers[0]) > maxProof {
		return badProof(errors.New("there must be one DPoP header"))
	}
	proof, err := parseJWS(headers[0])
	if err != nil {
		return badProof(err)
	}
	if proof.typ != proofType {
		return badProof(errors.New("typ is of another kind of token"))
	}
	if !slices.Contains(asymmetric, proof.alg) {
		return badProof(errors.New("the algorithm is not allowed"))
	}
	public, err := publicJWK(proof.header["jwk"])
	if err != nil {
		return badProof(err)
	}
	if err := proof.verify(public); err != nil {
		return badProof(errBadSignature)
	}
	said, err := claims.Parse(proof.payload)
	if err != nil {
		return badProof(err)
	}
	id, expires, err := p.read(r, t, said)
	if err != nil {
		return badProof(err)
	}
	print, err := thumbprint(public)
	if err != nil {
		return badProof(err)
	}
	if print != t.bound.jkt { // the proof is in order, but it proves another key
		return refused(errors.New("it is bound to another key"))
	}
	if !p.nonceKey.IsZero() && !p.isNonce(said["nonce"]) {
		return &Refusal{Code: UseNonce, cause: errors.New("the proof has no nonce that is good")}
	}
	name := sha256.Sum256([]byte(print + "." + id))
	fresh, err := p.spent(r.Context(), base64.RawURLEncoding.EncodeToString(name[:]), expires)
	switch {
	case err != nil:
		return unavailable("DPoP proof", err)
	case !fresh:
		return badProof(errors.New("jti was used before"))
	}
	return nil
}

func (p *proofs) spent(ctx context.Context, id string, expires time.Time) (fresh bool, err error) {
	defer caught.Into(&err, "SpendProof")
	return p.spend(ctx, id, expires)
}

// read checks the claims of a proof. It returns its name, and until when some replica
// would accept it again.
func (p *proofs) read(r *http.Request, t *AccessToken, said map[string]any) (id string, expires time.Time, err error) {
	if said["htm"] != r.Method {
		return "", time.Time{}, errors.New("htm is another method")
	}
	htu, _ := said["htu"].(string)
	address, err := url.Parse(htu)
	if err != nil || address.Host == "" || address.User != nil || proofAddress(address) != p.baseURL+pathOf(r) {
		return "", time.Time{}, errors.New("htu is another address")
	}
	issued, err := timeOf(said, "iat")
	if err != nil {
		return "", time.Time{}, err
	}
	if now := p.clock(); now.Before(issued.Add(-proofWindow)) || !now.Before(issued.Add(proofWindow)) {
		return "", time.Time{}, errors.New("iat is not of now")
	}
	sum := sha256.Sum256([]byte(t.Text()))
	if !sameText(said["ath"], base64.RawURLEncoding.EncodeToString(sum[:])) {
		return "", time.Time{}, errors.New("ath is of another token")
	}
	id, ok := said["jti"].(string)
	if !ok || id == "" || len(id) > maxProofID {
		return "", time.Time{}, errors.New("jti is missing or no identifier")
	}
	return id, issued.Add(proofWindow + skew), nil // other replicas' clocks may be behind
}

// pathOf is the path of a request as its client sent it, whatever has been stripped
// of it since.
func pathOf(r *http.Request) string {
	if u, err := url.ParseRequestURI(r.RequestURI); err == nil {
		return canonicalPath(u.EscapedPath())
	}
	return canonicalPath(r.URL.EscapedPath())
}

// ProofAlgorithms returns the algorithms by which DPoP proofs may be signed, as
// metadata announces them (RFC 9728 §2).
func ProofAlgorithms() []string { return slices.Clone(asymmetric) }

// Nonce returns a nonce for DPoP proofs, to be sent in the DPoP-Nonce header of
// every answer to a request that carries a proof, refusals included (RFC 9449
// §8.2); "" where none is required.
func (v *Verifier) Nonce() string { return v.proofs.nonce() }

// A nonce is the time at which it was made, and a MAC over it.
func (p *proofs) nonce() string {
	if p.nonceKey.IsZero() {
		return ""
	}
	made := binary.BigEndian.AppendUint64(nil, uint64(p.clock().Unix()))
	return base64.RawURLEncoding.EncodeToString(append(made, p.mac(made)...))
}

func (p *proofs) mac(made []byte) []byte {
	mac := hmac.New(sha256.New, []byte(p.nonceKey.Reveal()))
	mac.Write([]byte("gatehouse DPoP nonce"))
	mac.Write(made)
	return mac.Sum(nil)[:16]
}

func (p *proofs) isNonce(value any) bool {
	text, _ := value.(string)
	nonce, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(nonce) != 8+16 || len(text) != base64.RawURLEncoding.EncodedLen(len(nonce)) || !hmac.Equal(nonce[8:], p.mac(nonce[:8])) {
		return false
	}
	made := time.Unix(int64(binary.BigEndian.Uint64(nonce)), 0)
	now := p.clock()
	return !now.Before(made.Add(-skew)) && now.Before(made.Add(nonceLifetime))
}
