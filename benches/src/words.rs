//! Word lists of the generated shop.

/// The 20 event names.
pub const EVENTS: [&str; 20] = [
    "Page Viewed",
    "Product Viewed",
    "Product Searched",
    "Product List Filtered",
    "Product Added",
    "Product Removed",
    "Cart Viewed",
    "Checkout Started",
    "Checkout Step Completed",
    "Payment Info Entered",
    "Order Completed",
    "Order Refunded",
    "Coupon Applied",
    "Wishlist Product Added",
    "Review Submitted",
    "Signed Up",
    "Logged In",
    "Newsletter Subscribed",
    "Promotion Clicked",
    "Support Chat Opened",
];

pub const ADJECTIVES: [&str; 16] = [
    "Wireless",
    "Organic",
    "Foldable",
    "Vintage",
    "Compact",
    "Waterproof",
    "Ergonomic",
    "Recycled",
    "Insulated",
    "Adjustable",
    "Handmade",
    "Lightweight",
    "Noise-Cancelling",
    "Quilted",
    "Modular",
    "Brushed Steel",
];

pub const MATERIALS: [&str; 12] = [
    "Cotton",
    "Bamboo",
    "Leather",
    "Aluminium",
    "Ceramic",
    "Merino Wool",
    "Oak",
    "Carbon",
    "Linen",
    "Titanium",
    "Glass",
    "Cork",
];

pub const THINGS: [&str; 20] = [
    "Headphones",
    "Backpack",
    "Desk Lamp",
    "Running Shoes",
    "Coffee Grinder",
    "Yoga Mat",
    "Keyboard",
    "Water Bottle",
    "Rain Jacket",
    "Notebook",
    "Office Chair",
    "Sunglasses",
    "Frying Pan",
    "Blanket",
    "Wall Clock",
    "Phone Case",
    "Travel Mug",
    "Bike Helmet",
    "Cutting Board",
    "13\" Sleeve",
];

pub const CATEGORIES: [&str; 12] = [
    "electronics",
    "home-and-kitchen",
    "sports-outdoors",
    "fashion",
    "office",
    "beauty",
    "toys",
    "garden",
    "travel",
    "books",
    "pets",
    "grocery",
];

pub const SOURCES: [&str; 8] = ["google", "newsletter", "instagram", "direct", "partner", "bing", "tiktok", "podcast"];

pub const REFERRERS: [&str; 6] = [
    "https://www.google.com/search",
    "https://www.instagram.com/",
    "https://news.example.org/gift-guide",
    "https://mail.example.net/inbox",
    "https://shop.example.com/",
    "https://blog.example.com/best-of, 2025",
];

pub const CURRENCIES: [&str; 6] = ["EUR", "USD", "GBP", "CHF", "SEK", "JPY"];

pub const COUNTRIES: [&str; 14] = ["DE", "US", "GB", "FR", "NL", "CH", "AT", "SE", "ES", "IT", "PL", "JP", "BR", "CA"];

pub const CITIES: [&str; 14] = [
    "Berlin",
    "New York",
    "London",
    "Paris",
    "Amsterdam",
    "Zürich",
    "Wien",
    "Malmö",
    "Málaga",
    "Milano",
    "Łódź",
    "東京",
    "São Paulo",
    "Montréal",
];

pub const DEVICES: [&str; 5] =
    ["iPhone; iOS 18.3", "Android 15; Pixel 9", "Windows 11; Chrome", "macOS 15; Safari", "iPad; iOS 18.3"];

pub const EXPERIMENTS: [&str; 5] =
    ["checkout_v2", "one_page_cart", "control", "free_returns_banner", "sticky_buy_button"];

pub const TAGS: [&str; 10] =
    ["new", "sale", "bundle", "limited", "eco", "bestseller", "gift", "preorder", "refurbished", "clearance"];
