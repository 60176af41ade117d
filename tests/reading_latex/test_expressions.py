"""One construct of LaTeX at a time: what it is read as, first of all, in the formula language."""

from __future__ import annotations

import pytest

NAMES = [
    (r"\mathbf{W} \mathbf{h}_{t-1}", "W @ h[t-1]"),
    (r"\boldsymbol{W}\bm{h}_{t-1}", "W @ h[t-1]"),
    (r"W_{hh} h_t", "W_hh @ h[t]"),
    (r"W^{hh} h_t", "W_hh @ h[t]"),
    (r"\mathbf{W}_{hh} h_t", "W_hh @ h[t]"),
    (r"\mathbf{W_{hh}} h_t", "W_hh @ h[t]"),
    (r"W_{\mathrm{hh}} h_t", "W_hh @ h[t]"),
    (r"W_{\text{xh}} x_t", "W_xh @ x[t]"),
    (r"{W_{hh}}^\top h_t", "W_hh.T @ h[t]"),
    (r"W_{hh}^{\top} h_t", "W_hh.T @ h[t]"),
    (r"W^{hh\top} h_t", "W_hh.T @ h[t]"),
    (r"\hat{y}_t", "yhat[t]"),
    (r"\hat y_t", "yhat[t]"),
    (r"\hat{y_t}", "yhat[t]"),
    (r"\widehat{\mathbf{y}}_{t}", "yhat[t]"),
    (r"\hat{\boldsymbol y}^{(t)}", "yhat[t]"),
    (r"\vec{h}_t", "h[t]"),
    (r"\theta_c h_t", "theta_c * h[t]"),
    ("ŷₜ − yₜ", "yhat[t] - y[t]"),
    ("yhat_t - y_t", "yhat[t] - y[t]"),
    ("𝐖 𝐡ₜ", "W @ h[t]"),
]

TIMES = [
    (r"h_{t-1}", "h[t-1]"),
    (r"h^{(t-1)}", "h[t-1]"),
    (r"h(t-1)", "h[t-1]"),
    (r"h(t)^\top", "h[t].T"),
    (r"h^{\langle t \rangle}", "h[t]"),
    (r"h^{t+1}", "h[t+1]"),
    (r"h_\tau", "h[tau]"),
    (r"h_0", "h[0]"),
    (r"h_{2}", "h[2]"),
    (r"h^{(t)\top}", "h[t].T"),
    (r"h^{(t)T}", "h[t].T"),
    (r"\left(h^{(t)}\right)^2", "h[t]**2"),
    (r"h_{\max(1, t-2)}", "h[max(1, t-2)]"),
    (r"\frac{1}{\tau} h_t", "1/tau * h[t]"),
    (r"\frac{t - 1}{n} h_t", "(t-1)/n * h[t]"),
    (r"h_{t}\frac{1}{\tau}", "h[t] * (1/tau)"),
]

POWERS = [
    (r"h_t^2", "h[t]**2"),
    (r"h_{t-1}^{2}", "h[t-1]**2"),
    (r"h_t^{\odot 2}", "h[t]**2"),
    (r"h_t^{\circ 2}", "h[t]**2"),
    (r"W^2 h_t", "matrix_power(W, 2) @ h[t]"),
    (r"W^{t-k} h_k", "matrix_power(W, t-k) @ h[k]"),
    (r"(W^\top)^{t-k} h_k", "matrix_power(W.T, t-k) @ h[k]"),
    (r"(W^{\top})^{t-k}\,h_k", "matrix_power(W.T, t-k) @ h[k]"),
    (r"W^{-1} b", "inv(W) @ b"),
    (r"W^{-\top} b", "inv(W).T @ b"),
    (r"W^{-T} b", "inv(W).T @ b"),
    (r"W^{\odot 2} b", "W**2 @ b"),
    (r"\theta_c^2", "theta_c**2"),
    (r"b^{1/2}", "b**0.5"),
    (r"b^{-1}", "b**-1"),
    (r"e^{b}", "exp(b)"),
    (r"\sqrt{b}", "sqrt(b)"),
    (r"\|h_t\|^2", "norm2(h[t])"),
    (r"\lVert W \rVert_F^2", "norm2(W)"),
    (r"\left\| h_t \right\|_2^2", "norm2(h[t])"),
    (r"\|h_t\|", "sqrt(norm2(h[t]))"),
    (r"|h_t|", "abs(h[t])"),
    (r"\langle h_t, b \rangle", "dot(h[t], b)"),
    ("hₜ²", "h[t]**2"),
]

TRANSPOSES = [
    (r"W^\top", "W.T"),
    (r"W^T", "W.T"),
    (r"W^{T}", "W.T"),
    (r"W^{\mathsf{T}}", "W.T"),
    (r"W^{\mathrm T}", "W.T"),
    (r"W^{\intercal}", "W.T"),
    (r"W^\intercal", "W.T"),
    ("Wᵀ", "W.T"),
    ("W⊤".replace("⊤", "^⊤"), "W.T"),
    (r"(V^\top \hat{y}_t)^\top", "(V.T @ yhat[t]).T"),
    (r"\left(h_t h_t^\top\right)^{\top}", "(h[t] @ h[t].T).T"),
]

PRODUCTS = [
    (r"W h_{t-1} + U x_t + b", "W @ h[t-1] + U @ x[t] + b"),
    (r"W\cdot h_{t-1}", "W @ h[t-1]"),
    (r"W \times h_{t-1}", "W @ h[t-1]"),
    (r"2 W h_t", "2 * (W @ h[t])"),
    (r"\tfrac12 h_t", "1/2 * h[t]"),
    (r"\frac12 h_t", "1/2 * h[t]"),
    (r"h_t / \tau", "h[t] / tau"),
    (r"1/\tau h_t", "1/tau * h[t]"),
    ("½ hₜ", "1/2 * h[t]"),
    (r"0.5\, h_t", "0.5 * h[t]"),
    (r"h_t \odot b", "h[t] * b"),
    (r"h_t \circ b", "h[t] * b"),
    (r"h_t * b", "h[t] * b"),
    (r"h_t ⊙ b", "h[t] * b"),
    (r"W^\top b \odot h_t", "(W.T @ b) * h[t]"),
    (r"(W^\top b) \odot (1 - h_t \odot h_t)", "(W.T @ b) * (1 - h[t] * h[t])"),
    (r"W^\top (b \odot h_t)", "W.T @ (b * h[t])"),
    (r"h_t^\top b W", "(h[t].T @ b) * W"),
    (r"b^\top h_t\, x_t^\top", "b.T @ h[t] @ x[t].T"),
    (r"b x_t^\top", "b @ x[t].T"),
    (r"h_t^\top \otimes W", "kron(h[t].T, W)"),
    (r"b \oslash h_t", "b / h[t]"),
    (r"\frac{b}{h_t}", "b / h[t]"),
    (r"-\frac{y_t}{\hat y_t}", "-(y[t] / yhat[t])"),
    (r"- W h_t", "-(W @ h[t])"),
    (r"b - (-h_t)", "b + h[t]"),
    (r"3 \cdot 2 b", "3 * 2 * b"),
    (r"b^\top h_t \theta_c", "b.T @ h[t] * theta_c"),
    (r"\bigl( W h_t \bigr) \Big[ b^\top \Big]", "W @ h[t] @ b.T"),
    (r"\left\{ W h_t \right\}", "W @ h[t]"),
    ("Wh_{t-1}+Ux_t", "W @ h[t-1] + U @ x[t]"),
]

FUNCTIONS = [
    (r"\tanh(a_t)", "tanh(a[t])"),
    (r"\tanh a_t", "tanh(a[t])"),
    (r"\tanh\left(W h_{t-1} + U x_t\right)", "tanh(W @ h[t-1] + U @ x[t])"),
    (r"\tanh W h_t", "tanh(W @ h[t])"),
    (r"\tanh'(a_t)", "tanh'(a[t])"),
    (r"\tanh^{\prime}(a_t)", "tanh'(a[t])"),
    ("tanh′(aₜ)", "tanh'(a[t])"),
    (r"\tanh''(a_t)", "tanh''(a[t])"),
    (r"\tanh^2(a_t)", "tanh(a[t])**2"),
    (r"\tanh(a_t)^2", "tanh(a[t])**2"),
    (r"\tanh(a_t)^\top", "tanh(a[t]).T"),
    (r"\sigma(a_t)", "sigmoid(a[t])"),
    (r"\sigma'(a_t)", "sigmoid'(a[t])"),
    (r"f'(a_t) \odot b", "f'(a[t]) * b"),
    (r"\operatorname{diag}(b)", "diag(b)"),
    (r"\mathrm{diag}(b)", "diag(b)"),
    (r"\text{diag}(b)", "diag(b)"),
    (r"\diag(b)", "diag(b)"),
    ("diag(b)", "diag(b)"),
    (r"\operatorname{diag}\left(1 - h_t^2\right) W", "diag(1 - h[t]**2) @ W"),
    (r"\mathrm{diag}[f'(a_t)]\, W", "diag(f'(a[t])) @ W"),
    (r"\operatorname{softmax}(o_t)", "softmax(o[t])"),
    (r"\mathrm{softmax}(o_t)_i", "softmax(o[t])[i]"),
    (r"\log \hat y_t", "log(yhat[t])"),
    (r"\ln(\hat y_t)", "log(yhat[t])"),
    (r"-y_t^\top \log \hat y_t", "-(y[t].T @ log(yhat[t]))"),
    (r"\operatorname{ReLU}(a_t)", "relu(a[t])"),
    (r"\mathrm{relu}'(a_t)", "relu'(a[t])"),
    (r"\operatorname{tr}(W)", "trace(W)"),
    (r"\operatorname{Tr} W W_{hh}", "trace(W @ W_hh)"),
    (r"\det(W)", "det(W)"),
    (r"\operatorname{vec}(W)", "vec(W)"),
    (r"\operatorname{unvec}_{n\times n}(\operatorname{vec}(W))", "unvec(vec(W), n, n)"),
    (r"\exp(b)", "exp(b)"),
    (r"\operatorname{log\,softmax}(o_t)", "log_softmax(o[t])"),
    (r"b^\top \exp b", "b.T @ exp(b)"),
    (r"\theta_c \exp \theta_c \log \theta_c", "theta_c * exp(theta_c) * log(theta_c)"),
]

CONSTANTS = [
    (r"W - I", "W - eye(n)"),
    (r"I - W", "eye(n) - W"),
    (r"W + \theta_c I", "W + theta_c * eye(n)"),
    (r"I_n W", "W"),
    (r"I_{n} - W", "eye(n) - W"),
    (r"I_{n\times n} - W", "eye(n) - W"),
    (r"\mathbf{I} - W", "eye(n) - W"),
    (r"\mathbf 1^\top y_t", "ones(1, K) @ y[t]"),
    (r"\mathbf{1}^\top y_t \hat y_t", "(ones(1, K) @ y[t]) * yhat[t]"),
    (r"\mathbb{1}^\top h_t", "ones(1, n) @ h[t]"),
    (r"h_t \mathbf{1}_m^\top", "h[t] @ ones(1, m)"),
    (r"\mathbf{1} - h_t", "ones(n) - h[t]"),
    (r"\operatorname{diag}(\hat y_t)(I - \mathbf 1\hat y_t^\top)", "diag(yhat[t]) @ (eye(K) - ones(K) @ yhat[t].T)"),
    (r"\mathbb{1}_{i=j}", "delta(i, j)"),
    (r"\mathbf{1}_{i = j}", "delta(i, j)"),
    (r"[i = j]", "delta(i, j)"),
    (r"\delta_{ij}", "delta(i, j)"),
    (r"\delta_{i,j}", "delta(i, j)"),
    (r"\delta_{t\tau}", "delta(t, tau)"),
    ("𝟙ᵀ hₜ", "ones(1, n) @ h[t]"),
]

ENTRIES = [
    (r"W_{ij}", "W[i,j]"),
    (r"W_{i,j}", "W[i,j]"),
    (r"W_{0,1}", "W[0,1]"),
    (r"(W_{hh})_{ij}", "W_hh[i,j]"),
    (r"W_{hh,ij}", "W_hh[i,j]"),
    (r"h_{t,i}", "h[t][i]"),
    (r"h_{ti}", "h[t][i]"),
    (r"(h_t)_i", "h[t][i]"),
    (r"h^{(t)}_i", "h[t][i]"),
    (r"h_i^{(t)}", "h[t][i]"),
    (r"h_{t-1,j}", "h[t-1][j]"),
    (r"h_{i,t}", "h[t][i]"),
    (r"W_{:,j}", "W[:,j]"),
    (r"W_{i,:}", "W[i,:]"),
    (r"W_{0:2,:} h_t", "W[0:2,:] @ h[t]"),
    (r"\sum_j W_{ij} h_{t,j}", "sum(W[i,j] * h[t][j], j, 0, n-1)"),
    (r"\sum_{j} V_{ij} h_{t,j}", "sum(V[i,j] * h[t][j], j, 0, n-1)"),
    (r"\sum_{j=0}^{n-1} W_{ij} h_{t,j}", "sum(W[i,j] * h[t][j], j, 0, n-1)"),
    (r"\sum_{j=1}^{n} W_{ij} h_{t,j}", "sum(W[i,j-1] * h[t][j-1], j, 1, n)"),
]

STACKS = [
    (r"[h_{t-1}; x_t]", "concat(h[t-1], x[t])"),
    (r"[h_{t-1}, x_t]", "concat(h[t-1], x[t])"),
    (r"(h_{t-1}; x_t)", "concat(h[t-1], x[t])"),
    (r"\begin{pmatrix} h_{t-1} \\ x_t \end{pmatrix}", "concat(h[t-1], x[t])"),
    (
        r"\begin{bmatrix} W & U \end{bmatrix}\begin{bmatrix} h_{t-1} \\ x_t \end{bmatrix}",
        "hcat(W, U) @ concat(h[t-1], x[t])",
    ),
    (r"\begin{bmatrix} W & 0 \\ V & I \end{bmatrix}", "concat(hcat(W, zeros(n, K)), hcat(V, eye(K)))"),
    (r"\begin{pmatrix} 1 & \theta_c \\ 2 & 3 \end{pmatrix}", "concat(hcat(1, theta_c), hcat(2, 3))"),
    (r"[W, U]", "hcat(W, U)"),
]

GROUPS = {
    "names": NAMES,
    "times": TIMES,
    "powers": POWERS,
    "transposes": TRANSPOSES,
    "products": PRODUCTS,
    "functions": FUNCTIONS,
    "constants": CONSTANTS,
    "entries": ENTRIES,
    "stacks": STACKS,
}


@pytest.mark.parametrize(
    ("latex", "text"),
    [pytest.param(*pair, id=f"{group}: {pair[0]}") for group, pairs in GROUPS.items() for pair in pairs],
)
def test_a_construct(latex: str, text: str, read, formula) -> None:
    assert read(latex)[0].formula == formula(text)


@pytest.mark.parametrize(
    ("latex", "text"),
    [
        (r"f_t \odot c_{t-1} + i_t \odot \tilde{c}_t", "f[t] * c[t-1] + i[t] * ctilde[t]"),
        (r"f_t \odot c_{t-1} + i_t \odot \tilde c_t", "f[t] * c[t-1] + i[t] * ctilde[t]"),
        (r"o_t \odot (1 - \tanh^2(c_t))", "o[t] * (1 - tanh(c[t])**2)"),
        (r"h_t^{(1)}", "h1[t]"),
        (r"h^{1}_t", "h1[t]"),
        (r"V_1 h_t", "V1 @ h[t]"),
        (r"U_f^\top (\delta f_t)", None),
    ],
)
def test_gates(latex: str, text: str | None, read, formula) -> None:
    if text is None:
        latex += r", \quad \delta f_t = f_t \odot c_t"
        text = "deltaf[t] = f[t] * c[t]\nU_f.T @ deltaf[t]"
    assert read(latex, "lstm")[0].formula == formula(text, "lstm")


def test_other_names(read, formula) -> None:
    names = {"T": r"\tau", "W_{xh}": "U", r"\hat p": "yhat", "g": "tanh", r"\phi": "f", "s": "h"}
    first = read(r"\sum_{t=1}^{T} W_{xh}^\top g'(s_t) \phi(\hat p_t)^\top", names=names)[0]
    assert first.formula == formula("sum(U.T @ tanh'(h[t]) @ f(yhat[t]).T, t, 1, tau)")


def test_entries_from_one(read, formula) -> None:
    assert read(r"W_{12} h_{t,1}", entries_from=1)[0].formula == formula("W[0,1] * h[t][0]")
    assert read(r"\sum_{j=1}^{n} W_{ij}", entries_from=1)[0].formula == formula("sum(W[i,j-1], j, 1, n)")


def test_primes_as_transposes_on_request(read, formula) -> None:
    assert read(r"W' \sigma'(a_t) h_t'", prime_transposes=True)[0].formula == formula("W.T @ sigmoid'(a[t]) @ h[t].T")


def test_a_lone_identity_takes_the_shape_of_the_answer(read, formula) -> None:
    shape = formula("W").expression.shape
    assert read(r"2 I", shape=shape)[0].formula == formula("2 * eye(n)")
    assert read(r"\frac{\partial h_t}{\partial h_t} = I")[0].formula == formula("D(h[t], h[t]) = eye(n)")


def test_blocks_of_open_size_fit_the_blocks_beside_them(read, formula) -> None:
    latex = r"\begin{pmatrix} 0 & 0 & h_t^\top \end{pmatrix} \begin{pmatrix} W \\ x_t b^\top \\ W_{hh} \end{pmatrix}"
    text = "hcat(zeros(1, n), zeros(1, m), h[t].T) @ concat(W, x[t] @ b.T, W_hh)"
    assert read(latex)[0].formula == formula(text)
