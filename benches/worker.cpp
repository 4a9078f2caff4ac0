// Runs one case after the other and says how long each took: the C++ side of scripts/bench.py, written
// as a program on libtorch's own C++ front is: torch::nn, torch::optim, nothing else.
//
// It takes the lines that benches/worker.rs takes and answers in the same form. An epoch is a plain
// loop over samples that are float32 beforehand, as Python's fastest. With `demonstrate NETWORK` in
// place of lines it prints one prediction, to be measured from outside.

#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

namespace {

using torch::Tensor;
namespace F = torch::nn::functional;

constexpr double learning_rate = 1e-3;
constexpr int64_t epoch_batch_size = 64;

// Calls are timed in groups that take at least so many seconds, that the clock costs nothing.
constexpr double group_seconds = 1e-3;

using Case = std::function<void()>;

// A network and what it is asked to do.
struct Network : torch::nn::Module {
  virtual Tensor forward(Tensor x) = 0;
  virtual Tensor draw_input(int64_t batch_size) = 0;
  virtual Tensor draw_target(int64_t batch_size) = 0;
  virtual Tensor loss(const Tensor& output, const Tensor& target) = 0;
};

// Two linear layers with a ReLU between.
struct TwoLayers : Network {
  torch::nn::Linear fc1, fc2;
  int64_t inputs;

  TwoLayers(int64_t inputs, int64_t hidden, int64_t outputs)
      : fc1(register_module("fc1", torch::nn::Linear(inputs, hidden))),
        fc2(register_module("fc2", torch::nn::Linear(hidden, outputs))),
        inputs(inputs) {}

  Tensor forward(Tensor x) override {
    return fc2(torch::relu(fc1(x)));
  }

  Tensor draw_input(int64_t batch_size) override {
    return torch::randn({batch_size, inputs});
  }
};

struct DigitClassifier : TwoLayers {
  DigitClassifier() : TwoLayers(784, 128, 10) {}

  Tensor draw_target(int64_t batch_size) override {
    return torch::randint(10, {batch_size}, torch::kLong);
  }

  Tensor loss(const Tensor& output, const Tensor& target) override {
    return F::cross_entropy(output, target);
  }
};

struct HousePricePredictor : TwoLayers {
  HousePricePredictor() : TwoLayers(10, 64, 1) {}

  Tensor draw_target(int64_t batch_size) override {
    return torch::randn({batch_size, 1});
  }

  Tensor loss(const Tensor& output, const Tensor& target) override {
    return F::mse_loss(output, target);
  }
};

struct BinaryClassifier : TwoLayers {
  BinaryClassifier() : TwoLayers(784, 64, 1) {}

  Tensor forward(Tensor x) override {
    return torch::sigmoid(TwoLayers::forward(x));
  }

  Tensor draw_target(int64_t batch_size) override {
    return torch::randint(2, {batch_size, 1}).to(torch::kFloat);
  }

  Tensor loss(const Tensor& output, const Tensor& target) override {
    return F::binary_cross_entropy(output, target);
  }
};

// Pictures of digits, and the logarithms of probabilities.
struct LogProbabilities : Network {
  Tensor draw_target(int64_t batch_size) override {
    return torch::randint(10, {batch_size}, torch::kLong);
  }

  Tensor loss(const Tensor& output, const Tensor& target) override {
    return F::nll_loss(output, target);
  }
};

struct ConvolutionalClassifier : LogProbabilities {
  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::Dropout dropout1{nullptr}, dropout2{nullptr};
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};

  ConvolutionalClassifier() {
    conv1 = register_module("conv1", torch::nn::Conv2d(1, 32, 3));
    conv2 = register_module("conv2", torch::nn::Conv2d(32, 64, 3));
    dropout1 = register_module("dropout1", torch::nn::Dropout(0.25));
    dropout2 = register_module("dropout2", torch::nn::Dropout(0.5));
    fc1 = register_module("fc1", torch::nn::Linear(9216, 128));
    fc2 = register_module("fc2", torch::nn::Linear(128, 10));
  }

  Tensor forward(Tensor x) override {
    x = torch::relu(conv2(torch::relu(conv1(x))));
    x = dropout1(torch::max_pool2d(x, 2));
    x = dropout2(torch::relu(fc1(torch::flatten(x, 1))));
    return torch::log_softmax(fc2(x), 1);
  }

  Tensor draw_input(int64_t batch_size) override {
    return torch::randn({batch_size, 1, 28, 28});
  }
};

struct RecurrentClassifier : LogProbabilities {
  torch::nn::LSTM lstm{nullptr};
  torch::nn::BatchNorm1d norm{nullptr};
  torch::nn::Dropout dropout1{nullptr}, dropout2{nullptr};
  torch::nn::Linear fc1{nullptr}, fc2{nullptr};

  RecurrentClassifier() {
    lstm = register_module(
        "lstm", torch::nn::LSTM(torch::nn::LSTMOptions(28, 64).batch_first(true)));
    norm = register_module("norm", torch::nn::BatchNorm1d(64));
    dropout1 = register_module("dropout1", torch::nn::Dropout(0.25));
    dropout2 = register_module("dropout2", torch::nn::Dropout(0.5));
    fc1 = register_module("fc1", torch::nn::Linear(64, 32));
    fc2 = register_module("fc2", torch::nn::Linear(32, 10));
  }

  Tensor forward(Tensor x) override {
    x = std::get<0>(lstm(x)).select(1, -1);
    x = dropout2(torch::relu(fc1(dropout1(norm(x)))));
    return torch::log_softmax(fc2(x), 1);
  }

  Tensor draw_input(int64_t batch_size) override {
    return torch::randn({batch_size, 28, 28});
  }
};

struct VariationalAutoencoder : Network {
  torch::nn::Linear hidden{nullptr}, mu{nullptr}, logvar{nullptr}, widen{nullptr}, pixels{nullptr};
  // The second and the third output.
  Tensor last_mu, last_logvar;

  VariationalAutoencoder() {
    hidden = register_module("hidden", torch::nn::Linear(784, 400));
    mu = register_module("mu", torch::nn::Linear(400, 20));
    logvar = register_module("logvar", torch::nn::Linear(400, 20));
    widen = register_module("widen", torch::nn::Linear(20, 400));
    pixels = register_module("pixels", torch::nn::Linear(400, 784));
  }

  Tensor forward(Tensor x) override {
    x = torch::relu(hidden(x));
    last_mu = mu(x);
    last_logvar = logvar(x);
    const Tensor std = torch::exp(0.5 * last_logvar);
    const Tensor z = last_mu + torch::randn_like(std) * std;
    return torch::sigmoid(pixels(torch::relu(widen(z))));
  }

  Tensor draw_input(int64_t batch_size) override {
    return torch::rand({batch_size, 784});
  }

  Tensor draw_target(int64_t batch_size) override {
    return draw_input(batch_size);
  }

  Tensor loss(const Tensor& output, const Tensor& target) override {
    const auto sum = F::BinaryCrossEntropyFuncOptions().reduction(torch::kSum);
    return F::binary_cross_entropy(output, target, sum) -
        0.5 * torch::sum(1 + last_logvar - last_mu.pow(2) - last_logvar.exp());
  }
};

struct CharacterModel : Network {
  torch::nn::Embedding embedding{nullptr};
  torch::nn::LSTM lstm{nullptr};
  torch::nn::Linear decoder{nullptr};

  CharacterModel() {
    embedding = register_module("embedding", torch::nn::Embedding(256, 64));
    const auto options = torch::nn::LSTMOptions(64, 128).num_layers(2).dropout(0.2);
    lstm = register_module(
        "lstm", torch::nn::LSTM(torch::nn::LSTMOptions(options).batch_first(true)));
    decoder = register_module("decoder", torch::nn::Linear(128, 256));
  }

  Tensor forward(Tensor x) override {
    return decoder(std::get<0>(lstm(embedding(x))));
  }

  Tensor draw_input(int64_t batch_size) override {
    return torch::randint(256, {batch_size, 64}, torch::kLong);
  }

  Tensor draw_target(int64_t batch_size) override {
    return draw_input(batch_size);
  }

  Tensor loss(const Tensor& output, const Tensor& target) override {
    return F::cross_entropy(output.flatten(0, 1), target.flatten());
  }
};

std::shared_ptr<Network> build(const std::string& name) {
  if (name == "digit_classifier") return std::make_shared<DigitClassifier>();
  if (name == "house_price_predictor") return std::make_shared<HousePricePredictor>();
  if (name == "binary_classifier") return std::make_shared<BinaryClassifier>();
  if (name == "convolutional_classifier") return std::make_shared<ConvolutionalClassifier>();
  if (name == "recurrent_classifier") return std::make_shared<RecurrentClassifier>();
  if (name == "variational_autoencoder") return std::make_shared<VariationalAutoencoder>();
  if (name == "character_model") return std::make_shared<CharacterModel>();
  throw std::invalid_argument(name + " is no network");
}

std::shared_ptr<torch::optim::Optimizer> optimizer_for(Network& network, const std::string& name) {
  const auto parameters = network.parameters();
  if (name == "sgd") {
    return std::make_shared<torch::optim::SGD>(parameters, torch::optim::SGDOptions(learning_rate));
  }
  if (name == "adam") {
    return std::make_shared<torch::optim::Adam>(
        parameters, torch::optim::AdamOptions(learning_rate));
  }
  throw std::invalid_argument("C++ has no optimizer " + name);
}

Case inference(std::shared_ptr<Network> network, int64_t batch_size) {
  network->eval();
  const Tensor input = network->draw_input(batch_size);
  return [=] {
    const c10::InferenceMode guard;
    network->forward(input);
  };
}

void train(Network& network, torch::optim::Optimizer& optimizer, Tensor input, Tensor target) {
  optimizer.zero_grad();
  Tensor loss = network.loss(network.forward(input), target);
  loss.backward();
  optimizer.step();
}

Case step(std::shared_ptr<Network> network, int64_t batch_size, const std::string& name) {
  const Tensor input = network->draw_input(batch_size);
  const Tensor target = network->draw_target(batch_size);
  const auto optimizer = optimizer_for(*network, name);
  return [=] { train(*network, *optimizer, input, target); };
}

Case epoch(std::shared_ptr<Network> network, int64_t samples, const std::string& name) {
  Tensor input = network->draw_input(1).size(1) == 784
      ? torch::randint(256, {samples, 784}, torch::kByte) / 255
      : network->draw_input(samples);
  const Tensor target = network->draw_target(samples);
  const auto optimizer = optimizer_for(*network, name);
  return [=] {
    for (const Tensor& batch : torch::randperm(samples, torch::kLong).split(epoch_batch_size)) {
      train(*network, *optimizer, input.index_select(0, batch), target.index_select(0, batch));
    }
  };
}

Case make_case(const std::string& line) {
  std::istringstream words(line);
  std::string what, name, optimizer;
  int64_t size = 0;
  words >> what >> name >> size >> optimizer;
  if (size <= 0) throw std::invalid_argument("expected a number of samples");
  torch::manual_seed(0);
  const auto network = build(name);
  if (what == "inference") return inference(network, size);
  if (what == "step") return step(network, size, optimizer);
  if (what == "epoch") return epoch(network, size, optimizer);
  throw std::invalid_argument(what + " is no case");
}

double now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration<double>(time).count();
}

// The median time of a call, in microseconds.
void measure(double budget, const Case& call) {
  int64_t calls = 0;
  double start = now();
  do {
    call();
    ++calls;
  } while (now() - start < budget / 5);
  const auto group = static_cast<int64_t>(group_seconds * calls / (now() - start)) + 1;
  std::vector<double> times;
  start = now();
  do {
    const double group_start = now();
    for (int64_t i = 0; i < group; ++i) call();
    times.push_back((now() - group_start) / group);
  } while (now() - start < budget);
  std::sort(times.begin(), times.end());
  std::cout << "{\"microseconds\": " << times[times.size() / 2] * 1e6
            << ", \"calls\": " << times.size() * group << "}" << std::endl;
}

// An error of one line, as JSON; libtorch's has more.
void say_error(const std::string& text) {
  std::string line = text.substr(0, text.find('\n'));
  std::replace(line.begin(), line.end(), '"', '\'');
  std::replace(line.begin(), line.end(), '\\', '/');
  std::cout << "{\"error\": \"" << line << "\"}" << std::endl;
}

} // namespace

int main(int argc, char** argv) {
  int threads = 1;
  double seconds = 1;
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.rfind("--threads=", 0) == 0) {
      threads = std::stoi(word.substr(10));
    } else if (word.rfind("--seconds=", 0) == 0) {
      seconds = std::stod(word.substr(10));
    } else {
      words.push_back(word);
    }
  }
  torch::set_num_threads(threads);
  if (words.size() == 2 && words[0] == "demonstrate") {
    torch::manual_seed(0);
    const torch::NoGradGuard guard;
    const auto network = build(words[1]);
    std::cout << network->forward(network->draw_input(1)) << std::endl;
    return 0;
  }
  std::cout << "{\"torch\": \"" << TORCH_VERSION << "\"}" << std::endl;
  std::string line;
  while (std::getline(std::cin, line)) {
    try {
      measure(seconds, make_case(line));
    } catch (const c10::Error& error) {
      say_error(error.what_without_backtrace());
    } catch (const std::exception& error) {
      say_error(error.what());
    }
  }
  return 0;
}
