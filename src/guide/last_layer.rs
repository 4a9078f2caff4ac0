//! # Softmax, sigmoid or nothing
//!
//! | question | the last layer | loss | to read it | shown by |
//! | --- | --- | --- | --- | --- |
//! | which one of K | K logits | cross-entropy of logits | softmax; `argmax` for the class alone | [`losses`](#losses), [`argmax`](#argmax) |
//! | yes or no | one logit | binary cross-entropy of the logit | sigmoid | [`binary`](#binary), [`saturation`](#saturation) |
//! | which of K, any number at once | K logits | binary cross-entropy of each | a sigmoid for each | [`several`](#several) |
//! | how much | the number | squared error | as it is | [`regression`](#regression) |
//!
//! A *logit* is the last layer's output for a class: any number, larger if the network considers the
//! class more likely. *Softmax* turns several logits into probabilities, a *sigmoid* turns one logit
//! into one probability. In `tch` the losses are `cross_entropy_for_logits`,
//! `binary_cross_entropy_with_logits` and `mse_loss`. One rule explains the second column:
//! **during training, nothing follows the last layer; to read an answer, the question decides what
//! follows it.**
//!
//! *The article* is “Is softmax essential for neural networks?” of 30 January 2025. It shows three
//! PyTorch classes, which are this crate's first three networks, and makes claims about their last
//! layers, which this page tests. Its `BinaryClassifier` has a sigmoid inside, and so has the port;
//! the price of that is [below](#yes-or-no-one-sigmoid).
//!
//! The numbers on this page come from networks trained on the project's small sample data, each from
//! ten seeds and at its own best learning rate; a few come from MNIST and are marked as such. A number
//! after ± is half of a 95 % interval over these seeds. The command [at the end](#claims) prints them
//! all.
//!
//! # The definition of softmax
//!
//! ```text
//! p_k = exp(z_k) / Σ exp(z_j)
//! ```
//!
//! The sum is over j = 1 … K. Softmax maps any K finite logits z to K positive numbers that sum to one;
//! in float32 some of them round to 0 ([`probabilities`](#probabilities)). It keeps their order,
//! so `argmax` finds the same class before and after, for all 2520 answers that were tested, unless
//! two logits are so close (6e-8) that their probabilities round to the same number
//! ([`argmax`](#argmax)).
//!
//! A constant c that is added to all logits does not change the result, since exp(c) cancels in the
//! fraction ([`shift`](#shift)). A single logit is therefore not a probability:
//! those of the trained networks range from −31.3 to 33.6 ([`arbitrary`](#arbitrary)). The
//! difference of two logits, however, has an exact meaning:
//!
//! ```text
//! z_i − z_j = ln (p_i / p_j)
//! ```
//!
//! If two logits differ by 0.7, one class is twice as probable as the other, since ln 2 = 0.69. Softmax
//! only adds the scale on which the probabilities sum to one ([`relative`](#relative)). Even the
//! largest logit by itself carries some information on how sure an answer is. Take a right answer and
//! a wrong one: the right one has the larger logit in 86.6 ± 1.9 of 100 such pairs, and the
//! larger probability in 92.1 ± 1.0. This share is called the area under the ROC curve, or AUC;
//! chance would give 50 ([`confidence`](#confidence)).
//!
//! Computed as written, the formula overflows: in float32 exp(89) is infinite, and ∞/∞ is NaN
//! ([`overflow`](#overflow)). The constant solves that. With c = −max z every exponent is at most 0
//! and one of them is 0, so the sum lies between 1 and K. libtorch and all other libraries compute
//! softmax in this way.
//!
//! ```
//! use tch::{Device, Kind, Tensor};
//!
//! let z = Tensor::from_slice(&[1000f32, 1001., 1002.]);
//! let as_written = z.exp() / z.exp().sum(Kind::Float);
//! assert!(bool::try_from(as_written.isnan().all())?);
//! let p = Vec::<f32>::try_from(z.softmax(0, Kind::Float))?;
//! assert_eq!(format!("{p:.4?}"), "[0.0900, 0.2447, 0.6652]");
//!
//! // Adding 100 to every logit changes only the last bits.
//! tch::manual_seed(0);
//! let z = Tensor::randn([1000, 10], (Kind::Float, Device::Cpu));
//! let (p, shifted) = (z.softmax(1, Kind::Float), (&z + 100.).softmax(1, Kind::Float));
//! let largest = f64::try_from((p - shifted).abs().max())?;
//! assert!(0. < largest && largest < 1e-5, "{largest}");
//!
//! // Softmax keeps the class. A sigmoid of each logit may not: in float32, 40 and 40.00001
//! // both give 1, and argmax takes the first.
//! let z = Tensor::from_slice(&[0f32, 40., 40.00001]);
//! let class = |z: &Tensor| z.argmax(0, false).int64_value(&[]);
//! assert_eq!([class(&z), class(&z.softmax(0, Kind::Float)), class(&z.sigmoid())], [2, 2, 1]);
//! // Neither does softmax if the logits differ only in their last bit.
//! let z = Tensor::from_slice(&[0.1f32, 0.1f32.next_up()]);
//! assert_eq!([class(&z), class(&z.softmax(0, Kind::Float))], [1, 0]);
//! # anyhow::Ok(())
//! ```
//!
//! # Why the loss takes logits
//!
//! Cross-entropy needs the logarithm of the probability of the right class c. With softmax inserted,
//! the exponential cancels:
//!
//! ```text
//! −ln p_c = −ln (exp(z_c) / Σ exp(z_j)) = ln Σ exp(z_j) − z_c
//! ```
//!
//! The first term is the *log-sum-exp*. Taking out the largest logit m, as above, it is
//!
//! ```text
//! ln Σ exp(z_j) = m + ln Σ exp(z_j − m)
//! ```
//!
//! where the sum lies between 1 and K: nothing overflows, and the logarithm is never that of 0. The
//! gradient with respect to `z_k` is `p_k`, less 1 for k = c: it does not vanish while the answer is
//! wrong.
//!
//! A separate softmax before the loss gives that up. The probability of a class whose logit is more
//! than 104 below the largest is 0 in float32 ([`probabilities`](#probabilities)), its logarithm is −∞,
//! and the gradient is NaN. This is why `F.cross_entropy`, and
//! `cross_entropy_for_logits` here, take logits.
//!
//! They also apply softmax themselves. If they are given probabilities, softmax is applied twice.
//! Probabilities lie between 0 and 1, so the loss sees logits that hardly differ. Even a perfect
//! answer, 1 for the right class and 0 for the other K − 1, then has a loss:
//!
//! ```text
//! −ln (e / (e + K − 1)) = ln (1 + (K − 1)/e)
//! ```
//!
//! For ten classes this is 1.46115 nats; a *nat* is the unit of information for natural logarithms. A
//! network that is confidently wrong gets almost no gradient to correct it. On the sample digits the
//! second softmax changes the accuracy by −5.4 ± 2.1 percentage points with Adam, and by −1.2 ± 1.4
//! with SGD ([`losses`](#losses)).
//!
//! Softmax is not the only way to train a classifier, however. Ten sigmoids with binary
//! cross-entropy change the accuracy by +0.1 ± 0.9 points with Adam and −0.6 ± 0.5 with SGD, and
//! squared error on the bare logits by +0.1 ± 1.0 and −0.2 ± 0.8. The learning rate
//! decides between them: each loss has its own best rate, and with one rate for all, almost any of
//! them can be made to win ([`losses`](#losses)).
//!
//! ```
//! use tch::{Kind, Reduction, Tensor};
//!
//! /// The value of a loss at `z`, and its gradient there.
//! fn at(z: &[f32], loss: impl Fn(&Tensor) -> Tensor) -> (f64, Tensor) {
//!     let z = Tensor::from_slice(z).view([1, -1]).set_requires_grad(true);
//!     let loss = loss(&z);
//!     loss.backward();
//!     (loss.double_value(&[]), z.grad())
//! }
//! let norm = |gradient: Tensor| gradient.norm().double_value(&[]);
//! let right = |c: i64| Tensor::from_slice(&[c]);
//!
//! // The right class is 200 below the other.
//! let (loss, gradient) = at(&[-200., 0.], |z| z.cross_entropy_for_logits(&right(0)));
//! assert_eq!((loss, Vec::<f32>::try_from(gradient.view(-1))?), (200., vec![-1., 1.]));
//! let by_hand = |z: &Tensor| z.softmax(1, Kind::Float).log().nll_loss(&right(0));
//! let (loss, gradient) = at(&[-200., 0.], by_hand);
//! assert!(loss.is_infinite() && norm(gradient).is_nan());
//!
//! // Softmax twice: the floor, beside its formula.
//! let twice = |c| move |z: &Tensor| z.softmax(1, Kind::Float).cross_entropy_for_logits(&right(c));
//! let mut sure = [0f32; 10];
//! sure[0] = 50.;
//! let (floor, _) = at(&sure, twice(0));
//! assert_eq!(format!("{floor:.5}"), "1.46115");
//! assert_eq!(format!("{:.5}", (1. + 9. / 1f64.exp()).ln()), "1.46115");
//!
//! // Confident in the wrong class: the gradient through one softmax, and through two.
//! let (_, once) = at(&sure, |z| z.cross_entropy_for_logits(&right(3)));
//! let (_, through_two) = at(&sure, twice(3));
//! assert_eq!(format!("{:.3}", norm(once)), "1.414");
//! let through_two = norm(through_two);
//! assert!(2e-22 < through_two && through_two < 3e-22, "{through_two:e}");
//! # anyhow::Ok(())
//! ```
//!
//! # Yes or no: one sigmoid
//!
//! Softmax over two classes is a sigmoid if the logit of the first class is fixed at 0. The
//! probability of the second is then:
//!
//! ```text
//! exp(z) / (exp(0) + exp(z)) = 1 / (1 + exp(−z)) = sigmoid(z)
//! ```
//!
//! A second output adds no expressive power, since softmax depends only on the difference of the two
//! logits. The mathematics is the same, though not the bits. Networks were trained to tell odd digits
//! from even ones: with one sigmoid in place of two outputs, the number of pairs in the
//! right order changes by +0.0 ± 0.2 of 100 with Adam and by −0.1 ± 0.6 with SGD. The second output
//! costs 65 weights, 0.13 % of all, and no measurable time ([`binary`](#binary)).
//!
//! *Binary cross-entropy* is −ln p if the answer is yes, and −ln(1 − p) if it is no. Computed from p,
//! it has the problem of the last section again. In float32 sigmoid(16.7) is 1: the logarithm of
//! 1 − p is clamped at −100, and the sigmoid's slope p(1 − p) is 0, so that no gradient reaches z
//! ([`saturation`](#saturation)). If the answer is yes, p itself becomes small without becoming 0, and
//! the gradient fades below z = −28. Computed from the logit, with y = 1 for yes and 0 for no, the
//! loss is the log-sum-exp of (0, z) minus z·y, which does not saturate:
//!
//! ```text
//! max(z, 0) − z·y + ln(1 + exp(−|z|))
//! ```
//!
//! A network with the sigmoid inside, such as the article's, trains as long as its logit is at most
//! 16.6 where the answer is no, and not far below −28 where it is yes.
//!
//! ```
//! use tch::{Device, Kind, Reduction, Tensor};
//!
//! let z = Tensor::linspace(-20, 20, 100_001, (Kind::Float, Device::Cpu));
//! let pair = Tensor::stack(&[z.zeros_like(), z.shallow_clone()], 1);
//! let positive = pair.softmax(1, Kind::Float).select(1, 1);
//! let largest = f64::try_from((z.sigmoid() - positive).abs().max())?;
//! assert!(largest < 1e-6, "{largest:e}");
//!
//! /// Loss and gradient at the logit `z` for an answer, 0 or 1: through a sigmoid, and from `z`.
//! fn losses(z: f32, answer: f32) -> [(f32, f32); 2] {
//!     let answer = Tensor::from_slice(&[answer]);
//!     let mean = Reduction::Mean;
//!     [true, false].map(|through_sigmoid| {
//!         let z = Tensor::from_slice(&[z]).set_requires_grad(true);
//!         let loss = match through_sigmoid {
//!             true => z.sigmoid().binary_cross_entropy::<Tensor>(&answer, None, mean),
//!             false => z.binary_cross_entropy_with_logits::<Tensor>(&answer, None, None, mean),
//!         };
//!         loss.backward();
//!         (loss.double_value(&[]) as f32, z.grad().double_value(&[0]) as f32)
//!     })
//! }
//! assert_eq!(losses(16.7, 0.), [(100., 0.), (16.7, 1.)]);
//! assert_eq!(losses(17., 0.), [(100., 0.), (17., 1.)]);
//! let gradient = |z, answer| losses(z, answer)[0].1;
//! assert!(gradient(16.6, 0.) > 0.99);
//! assert!(gradient(-27., 1.) < -0.99);
//! assert!(gradient(-30., 1.) > -0.1);
//! # anyhow::Ok(())
//! ```
//!
//! # A number: nothing
//!
//! Softmax over one logit is exp(z)/exp(z) = 1 for every z. The answer is always 1 and the gradient
//! always 0, so nothing is learnt. A sigmoid learns as long as the prices lie between 0 and 1 unit. It
//! cannot output 2, and on more expensive houses its error is 137.4 ± 13.2 % larger than that of a
//! linear output, with Adam.
//!
//! Softmax can still predict a number, as a distribution over a scale. With 21 outputs for 21 prices,
//! trained with cross-entropy, the mean of the prices under these probabilities is an answer whose
//! error differs from the linear output's by +0.8 ± 2.3 % with Adam and +15.3 ± 2.6 %
//! with SGD ([`regression`](#regression)).
//!
//! # Several labels at once: a sigmoid for each
//!
//! Softmax distributes one unit of probability. If two labels hold, it can at best give ½ to each,
//! which costs ln 2 each, however sure the network is. With a threshold of 0.5 it predicts at most one
//! label. With a lower one, fitted on other pictures, it predicts several, and a sigmoid for each
//! label still gets all of them right for 25.4 ± 3.5 more pictures of 100 with Adam
//! ([`several`](#several)).
//!
//! ```
//! use tch::{Kind, Reduction, Tensor};
//!
//! let price = Tensor::from_slice(&[2.5f32]).view([1, 1]);
//! let z = Tensor::from_slice(&[-3f32]).view([1, 1]).set_requires_grad(true);
//! let answer = z.softmax(1, Kind::Float);
//! answer.mse_loss(&price, Reduction::Mean).backward();
//! assert_eq!((answer.double_value(&[0, 0]), z.grad().double_value(&[0, 0])), (1., 0.));
//!
//! let both = Tensor::from_slice(&[1f32, 1.]);
//! let z = Tensor::from_slice(&[30f32, 30.]);
//! let mean = Reduction::Mean;
//! let shared = z.softmax(0, Kind::Float).binary_cross_entropy::<Tensor>(&both, None, mean);
//! let apart = z.binary_cross_entropy_with_logits::<Tensor>(&both, None, None, mean);
//! assert_eq!(format!("{:.4}", shared.double_value(&[])), format!("{:.4}", 2f64.ln()));
//! assert!(apart.double_value(&[]) < 1e-12);
//! # anyhow::Ok(())
//! ```
//!
//! # Calibration: how sure is sure
//!
//! `argmax` of the logits gives the class, but not the confidence. Softmax gives the network's
//! confidence, but not how often the network is right at that confidence. Of the answers given with
//! a probability of 0.9, nine of ten should be right; the mean difference of the two is the
//! *calibration error*. On the sample's test digits the networks are overconfident by 5.3 ± 1.0
//! percentage points, and on those of MNIST by 1.8 ± 0.2. The remedy is to divide all logits by one
//! number, the *temperature*, which is fitted on pictures that were not used for training: on the
//! sample by 1.39, which changes the loss by −0.072 ± 0.012 nats ([`calibration`](#calibration)).
//!
//! The price of omitting softmax shows where a decision needs a probability. Let a wrong answer cost
//! 10, and asking a person instead 1; then the network's answer should be used from a probability of
//! 0.9 on. If the largest logit is used as this probability, a picture costs 0.60 ± 0.09 more on
//! the sample, and 0.15 ± 0.02 more on MNIST, where fewer answers are wrong. A threshold on the logit
//! that is fitted on other pictures costs 0.17 ± 0.06 more than softmax does on the sample
//! ([`decision`](#decision)).
//!
//! # The article's own numbers
//!
//! The numbers printed beside the article's code are not the output of a run: its ten probabilities sum
//! to 0.978, and softmax of its logits gives others. Its price and its probability of yes lack the
//! second dimension of a `(1, 1)` output.
//!
//! ```
//! use tch::{Kind, Tensor};
//!
//! let z = [0.05f32, -0.2, 0.15, -0.4, 0.08, -0.02, -0.1, 0.23, -0.05, -0.12];
//! let p = Vec::<f32>::try_from(Tensor::from_slice(&z).softmax(0, Kind::Float))?;
//! assert_eq!(
//!     format!("{p:.4?}"),
//!     "[0.1076, 0.0838, 0.1190, 0.0686, 0.1109, 0.1004, 0.0926, 0.1289, 0.0974, 0.0908]"
//! );
//! let printed = [0.105, 0.087, 0.115, 0.070, 0.108, 0.099, 0.091, 0.124, 0.094, 0.085];
//! assert_eq!(format!("{:.3}", printed.iter().sum::<f64>()), "0.978");
//! # anyhow::Ok(())
//! ```
//!
//! # Claims
//!
//! Each name above stands for claims that the command below tests on networks that it trains. Its
//! report has the figures, and the rule of each verdict. Its output from seed 0 is kept in
//! `docs/is-softmax-essential.txt`, and for MNIST in `docs/is-softmax-essential-mnist.txt`;
//! `docs/is-softmax-essential.md` compares the two:
//!
//! ```sh
//! cargo run --example is_softmax_essential
//! ```
//!
//! | name | claims |
//! | --- | --- |
//! | <a id="probabilities"></a>`probabilities` | `sums-to-one`, `positive`, `printed-example` |
//! | <a id="overflow"></a>`overflow` | `naive-overflow` |
//! | <a id="arbitrary"></a>`arbitrary` | `arbitrary-logits` |
//! | <a id="argmax"></a>`argmax` | `argmax`, `sigmoid-ties` |
//! | <a id="relative"></a>`relative` | `relative-probability` |
//! | <a id="confidence"></a>`confidence` | `confidence` |
//! | <a id="shift"></a>`shift` | `shift` |
//! | <a id="calibration"></a>`calibration` | `calibration`, `temperature` |
//! | <a id="decision"></a>`decision` | `softmax-omitted`, `bound-on-logits` |
//! | <a id="losses"></a>`losses` | `cross-entropy`, `ten-sigmoids`, `double-softmax`, `double-softmax-floor`, `double-softmax-stuck`, `squared-on-softmax`, `squared-on-logits` |
//! | <a id="binary"></a>`binary` | `same-function`, `one-output`, `second-output`, `sigmoid-inside` |
//! | <a id="saturation"></a>`saturation` | `sigmoid-saturates`, `loss-on-logit` |
//! | <a id="regression"></a>`regression` | `softmax-of-one`, `price-as-it-is`, `softmax-over-prices`, `sigmoid-on-price` |
//! | <a id="several"></a>`several` | `one-label-at-most`, `fitted-threshold`, `sigmoid-for-each` |
